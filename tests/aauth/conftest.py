from tests.aauth.persons import shop, signing  # noqa: F401  (fixtures)
