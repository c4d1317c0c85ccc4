"""The runnable project: the gateway with its built-in shop. A merchant who mounts the apps in
his own project uses nothing from here."""
