"""Kaffee Kontor, a merchant with a Django project of his own, into which the gateway is mounted.

It is what the README's chapter "Mounting it" describes, made as unlike the runnable project as a
merchant may be: own users, own goods, own orders, own bank, own settings of everything.
"""
