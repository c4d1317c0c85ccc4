"""What must sit at the origin root: `path("", include("gateway.well_known"))` (ACP-233, AJ-031,
AA-415)."""

from django.urls import include, path

from gateway.aauth import metadata
from gateway.aauth.person_server import metadata as person_metadata
from gateway.acp.discovery import Discovery
from gateway.interaction_api.mounting import mounted

urlpatterns = [
    path(".well-known/acp.json", Discovery.as_view(), name="agentic_acp_discovery"),
    metadata.located(),
    person_metadata.located(),
    path("", include("gateway.interaction_api.discovery_urls")),
    mounted("gateway.interaction_api.urls"),
]
