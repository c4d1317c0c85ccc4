"""An app for the processes of `test_relay_process`: an effect that takes its time and leaves a trace."""
