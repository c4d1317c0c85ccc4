"""An app that writes down every comparison of a one-time code, for servers in processes of their own."""
