"""The operator's screen of what people wrote through their agents."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q
from django.utils.safestring import SafeString

from checkout.screens import ReadOnlyScreen, when
from checkout.untrusted import quoted, visible
from gateway.contact_models import ContactMessage


@admin.register(ContactMessage)
class ContactMessageAdmin(ReadOnlyScreen):
    """Untrusted text, shown as what it is. All disappear after CONTACT_KEEP_DAYS."""

    empty_list_text = (
        "Messages that people sent through their agents would be here. Agents can send one where "
        "SITE_CONTACT is a mail address, which is where it goes."
    )
    list_display = ("id", "name_shown", "mailed", "created")
    list_filter = ("created_at",)
    search_fields = ("id",)
    search_help_text = "The whole id, or the whole mail address."
    fields = ("id_in_full", "name_said", "email_said", "message_said", "session", "mailed", "created")

    mailed = staticmethod(when("mailed_at", "mailed"))

    def search(self, term: str) -> Q:
        return Q(pk=term) | Q(email=term)

    @admin.display(description="name (as the agent says)")
    def name_shown(self, row: ContactMessage) -> str:
        return visible(row.name, longest=60)

    @admin.display(description="name")
    def name_said(self, row: ContactMessage) -> SafeString:
        return quoted(row.name)

    @admin.display(description="e-mail")
    def email_said(self, row: ContactMessage) -> SafeString:
        return quoted(row.email)

    @admin.display(description="message")
    def message_said(self, row: ContactMessage) -> SafeString:
        return quoted(row.message.replace("\n", " ↵ "), longest=6000)
