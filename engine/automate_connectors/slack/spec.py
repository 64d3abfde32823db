"""The forms of the `slack` actions. Source: Slack's Web API reference."""

from __future__ import annotations

from automate_connectors.fields import Field, boolean, secret, text
from automate_connectors.models import ActionSpec

CONFIG: dict[str, Field] = {
    "token": secret(
        "Bot token",
        required=True,
        description="Of a Slack app that was added to the workspace and the channel.",
        examples=[{"$secret": "SLACK_TOKEN"}],
    )
}
_CHANNEL = text("Channel", required=True, description="Id, or #name where the app may.", examples=["C0123456789"])
_TEXT = text(
    "Text",
    format="textarea",
    maxLength=40_000,
    description="Slack's mrkdwn. With blocks: what notifications show.",
    examples=["Order {{ payload.id }} paid :tada:"],
)
_BLOCKS: Field = {
    "type": "array",
    "title": "Blocks",
    "items": {"type": "object"},
    "maxItems": 50,
    "description": "Block Kit layout.",
    "examples": [[{"type": "section", "text": {"type": "mrkdwn", "text": "*Paid*"}}]],
}
_TS = text("Message", pattern=r"^[0-9]+\.[0-9]+$", description="Its `ts`.", examples=["1503435956.000247"])
_MESSAGE_OUT: dict[str, Field] = {"channel": text("Channel"), "ts": text("Message", description="Its `ts`.")}

ACTIONS = {
    "post_message": ActionSpec(
        name="Post message",
        description="Write into a channel, a thread or a direct message (`chat.postMessage`).",
        inputs={
            **CONFIG,
            "channel": _CHANNEL,
            "text": _TEXT,
            "blocks": _BLOCKS,
            "thread_ts": {**_TS, "title": "Thread", "description": "The `ts` of its first message."},
            "reply_broadcast": boolean("Also show the reply in the channel"),
            "unfurl_links": boolean("Preview links"),
        },
        outputs=_MESSAGE_OUT,
        effect="write",
        idempotency="none",
    ),
    "update_message": ActionSpec(
        name="Update message",
        description="Replace a message of this app (`chat.update`).",
        inputs={**CONFIG, "channel": _CHANNEL, "ts": {**_TS, "required": True}, "text": _TEXT, "blocks": _BLOCKS},
        outputs=_MESSAGE_OUT,
        effect="write",
        idempotency="native",
    ),
    "add_reaction": ActionSpec(
        name="Add reaction",
        description="Put an emoji on a message; there already counts as done.",
        inputs={
            **CONFIG,
            "channel": _CHANNEL,
            "timestamp": {**_TS, "required": True},
            "name": text("Emoji", required=True, pattern="^[a-z0-9_+:-]+$", examples=["white_check_mark"]),
        },
        outputs={"added": boolean("There now")},
        effect="write",
        idempotency="native",
    ),
    "find_user": ActionSpec(
        name="Find user",
        description="Look a member up by e-mail (`users.lookupByEmail`).",
        inputs={**CONFIG, "email": text("E-mail", required=True, format="email", examples=["ann@example.com"])},
        outputs={"id": text("User id"), "name": text("Name"), "real_name": text("Full name")},
        effect="read",
    ),
    "upload_file": ActionSpec(
        name="Upload file",
        description="Share a text file in a channel.",
        inputs={
            **CONFIG,
            "channel": {**_CHANNEL, "description": "Its id.", "pattern": "^[A-Z0-9]+$"},
            "filename": text("File name", required=True, minLength=1, examples=["report.csv"]),
            "content": text("Content", required=True, format="textarea", minLength=1),
            "title": text("Title"),
            "initial_comment": text("Comment"),
            "thread_ts": {**_TS, "title": "Thread"},
        },
        outputs={"id": text("File id")},
        effect="write",
        idempotency="none",
    ),
    "post_webhook": ActionSpec(
        name="Post to incoming webhook",
        description="Write into the channel of an incoming webhook.",
        inputs={
            "webhook_url": secret(
                "Webhook URL", required=True, description="All of it is secret.", examples=[{"$secret": "SLACK_HOOK"}]
            ),
            "text": _TEXT,
            "blocks": _BLOCKS,
        },
        outputs={"posted": boolean("Posted")},
        effect="write",
        idempotency="none",
    ),
}
