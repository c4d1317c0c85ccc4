# Under the merchant's settings, in a process of their own: see test_mounted.py.
collect_ignore = ["inside"]
