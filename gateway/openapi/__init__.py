"""The OpenAPI document of everything agents can call, and the page that shows it to people.

Optional: `path("api/", include("gateway.openapi.urls"))`. A merchant's own SPECTACULAR_SETTINGS and
his own document stay as they are: our operations appear in ours only.
"""
