from __future__ import annotations

import errno
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import yt_dlp
from yt_dlp.utils import DownloadError

from earmark.core.records import reason_code
from earmark.data.fetch import reasons
from earmark.data.fetch.hours import inside

# What YouTube's player says, as yt-dlp words it.
SAID = [
    ("Private video. Sign in if you've been granted access to this video", "private"),
    ("Video unavailable. This video has been removed by the uploader", "removed"),
    ("Video unavailable. This video is no longer available due to a copyright claim by X", "removed"),
    ("This video has been removed for violating YouTube's Terms of Service", "removed"),
    (
        "Video unavailable. This video is no longer available because the YouTube account associated with this "
        "video has been terminated",
        "account closed",
    ),
    ("The uploader has not made this video available in your country", "geo-blocked"),
    (
        "Video unavailable. This video contains content from X, who has blocked it in your country on copyright "
        "grounds",
        "geo-blocked",
    ),
    ("Sign in to confirm your age. This video may be inappropriate for some users", "age-gated"),
    ("Sign in to confirm you're not a bot. Use --cookies-from-browser", "bot check"),
    ("Sign in to confirm you\u2019re not a bot", "bot check"),
    (
        "Video unavailable. This content isn't available, try again later. The current session has been "
        "rate-limited by YouTube for up to an hour",
        "rate limited",
    ),
    ("Join this channel to get access to members-only content", "paid"),
    ("This video requires payment to watch", "paid"),
    ("This live event will begin in 3 days", "live"),
    ("Premieres in 2 hours", "live"),
    ("This video is DRM protected", "protected"),
    ("Requested format is not available. Use --list-formats for a list", "no audio"),
    ("Video unavailable", "unavailable"),
    ("This video is not available", "unavailable"),
    ("Video unavailable. Playback on other websites has been disabled by the video owner", "unavailable"),
    ("Unable to download API page: HTTP Error 429: Too Many Requests", "rate limited"),
    ("unable to download video data: HTTP Error 403: Forbidden", "forbidden"),
    ("Unable to download webpage: HTTP Error 404: Not Found", "removed"),
    ("Got error: HTTP Error 502: Bad Gateway", "server error"),
    ("Unable to download webpage: Failed to resolve 'x' ([Errno -2] Name or service not known)", "network"),
    ("Unable to download webpage: The read operation timed out", "network"),
    ("Something nobody has seen before", "unknown"),
]


@pytest.mark.parametrize(("message", "code"), SAID)
def test_messages_of_the_library_have_their_codes(message, code):
    found = reasons.classify(f"ERROR: [youtube] dQw4w9WgXcQ: {message}")
    assert found.kind.code == code == reason_code(str(found))
    assert "dQw4w9WgXcQ" not in str(found)


@pytest.mark.parametrize(
    ("phrase", "code"),
    [
        ("has been rate-limited by YouTube", "rate limited"),
        ("YouTube is requiring a captcha challenge before playback", "bot check"),
        ("Your IP is likely being blocked by Youtube", "bot check"),
        ("The uploader has not made this video available in your country", "geo-blocked"),
    ],
)
def test_the_installed_library_still_words_it_so(phrase, code):
    folder = Path(yt_dlp.__file__).parent / "extractor" / "youtube"
    assert phrase in (folder / "_video.py").read_text()
    assert reasons.classify(phrase).kind.code == code


@pytest.mark.parametrize("host", ["proxy.example", "captcha.example", "has.copyright.example"])
def test_words_in_an_address_are_no_reason(host):
    message = f"HTTP error 404 Not Found; Error opening input file https://{host}/ssl.wav."
    found = reasons.classify(message)
    assert found.kind.code == "removed" and found.detail == "HTTP 404"


def test_an_unknown_message_is_kept_and_worth_another_try():
    found = reasons.classify("ERROR: the flux capacitor is empty; please report this issue on https://x/y?z")
    assert str(found) == "unknown (the flux capacitor is empty)"
    assert not found.kind.permanent


def test_messages_carry_no_secrets_and_are_one_line():
    text = reasons.cleaned(
        "ERROR: \x1b[0;31mfailed\x1b[0m at https://me:pass@host/path?token=abc#frag and\nhttp://h/a?sig=1 "
        "Cookie: session=xyz"
    )
    assert text == "failed at https://host/path and http://h/a Cookie (left out)"


def test_a_full_disk_is_seen_through_wrappers():
    cause = OSError(errno.ENOSPC, "No space left on device")
    assert reasons.disk_full(DownloadError("unable to write data", (OSError, cause, None)))
    assert not reasons.disk_full(DownloadError("HTTP Error 500"))


def test_retry_after_is_a_number_or_a_date():
    assert reasons.seconds_to_wait("7") == 7
    soon = reasons.seconds_to_wait(format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True))
    assert soon is not None and 60 < soon <= 90
    assert reasons.seconds_to_wait("soon") is None and reasons.seconds_to_wait(None) is None
    assert reasons.seconds_to_wait("nan") is None
    assert reasons.seconds_to_wait("1e9") == reasons.MAX_RETRY_AFTER_S


@pytest.mark.parametrize(
    ("window", "hour", "expected"),
    [
        (None, 12, True),
        ("22:00-06:00", 23, True),
        ("22:00-06:00", 5, True),
        ("22:00-06:00", 6, False),
        ("22:00-06:00", 12, False),
        ("09:00-17:00", 9, True),
        ("09:00-17:00", 17, False),
    ],
)
def test_hours_may_pass_midnight(window, hour, expected):
    assert inside(window, datetime(2026, 1, 1, hour)) is expected
