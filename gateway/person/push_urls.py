"""Push messages to a person's devices, below `{mount}/account/`, while we are a person server."""

from gateway.person import push
from gateway.switched import at

urlpatterns = [
    at("push/subscribe", push.Subscribe.as_view(), "push_subscribe"),
    at("push/standing", push.Standing.as_view(), "push_standing"),
    at("push/test", push.Test.as_view(), "push_test"),
    at("push/remove", push.Remove.as_view(), "push_remove"),
    at("push/confirm", push.Confirm.as_view(), "push_confirm"),
    at("push-worker.js", push.Worker.as_view(), "push_worker"),
]
