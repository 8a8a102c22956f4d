"""Hold, music and consultations as Asterisk tells of them."""

from __future__ import annotations

from controller.core.events import ConsultationBegan, HoldBegan, HoldEnded, LegEnded
from controller.pbx.asterisk.frames import Message
from tests.pbx.asterisk.test_translate import channel, message, talk
from tests.pbx.asterisk.traces import heard


def met() -> list[Message]:
    """Phones 101 and 102 are in one bridge."""
    return [talk("BridgeEnter", 1, "b"), talk("BridgeEnter", 2, "b", link=1)]


def test_a_phone_that_holds_puts_the_others_in_its_bridge_on_hold() -> None:
    events = heard([*met(), channel("Hold", 2, link=1), channel("Unhold", 2, link=1)])
    assert [(type(one), one.leg) for one in events if isinstance(one, HoldBegan | HoldEnded)] == [
        (HoldBegan, "main/17.1"),
        (HoldEnded, "main/17.1"),
    ]


def test_whoever_hears_the_music_is_on_hold_until_it_stops() -> None:
    events = heard([*met(), channel("MusicOnHoldStart", 1), channel("MusicOnHoldStop", 1)])
    assert [type(one) for one in events if isinstance(one, HoldBegan | HoldEnded)] == [HoldBegan, HoldEnded]


def test_what_a_phone_dials_while_it_holds_is_a_consultation_about_that_call() -> None:
    second = channel("Newchannel", 3, state="Ring", Channel="PJSIP/102-00000003")
    events = heard([*met(), channel("Hold", 2, link=1), second])
    (about,) = [one for one in events if isinstance(one, ConsultationBegan)]
    assert (about.call, about.of) == ("main/17.3", "main/17.1")


def test_what_it_dials_before_or_afterwards_or_what_another_dials_is_none() -> None:
    second = channel("Newchannel", 3, state="Ring", Channel="PJSIP/102-00000003")
    other = channel("Newchannel", 4, state="Ring", Channel="PJSIP/109-00000004")
    held = [*met(), channel("Hold", 2, link=1)]
    for messages in ([*met(), second], [*held, channel("Unhold", 2, link=1), second], [*held, other]):
        assert not [one for one in heard(messages) if isinstance(one, ConsultationBegan)]
    gone = channel("Hangup", 2, link=1)
    assert not [one for one in heard([*held, gone, second]) if isinstance(one, ConsultationBegan)]


def transferred(kind: str) -> list[Message]:
    about = {
        f"{who}{what}": value
        for who, number in (("OrigTransferer", 2), ("SecondTransferer", 3), ("Transferee", 1))
        for what, value in (("Uniqueid", f"17.{number}"), ("Linkedid", "17.1"), ("Channel", f"PJSIP/10{number}-1"))
    }
    return [*met(), channel("Newchannel", 3), message("AttendedTransfer", Result="Success", DestType=kind, **about)]


def test_who_has_transferred_is_out_of_it_though_his_channel_lives_on() -> None:
    ended = [one.leg for one in heard(transferred("Bridge")) if isinstance(one, LegEnded)]
    assert set(ended) == {"main/17.2", "main/17.3"}


def test_who_makes_a_talk_of_three_stays_in_it() -> None:
    assert not [one for one in heard(transferred("Threeway")) if isinstance(one, LegEnded)]
