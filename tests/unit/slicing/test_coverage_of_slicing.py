"""What the slicer must do, and the test that shows each: FlowVisor's cases and its defects.

The cases are those of FlowVisor's own suite by their names; R1 to R20 are the requirements that
its defects gave; the seen defects are those that were watched on a running FlowVisor 1.4.0.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
TEN, THIRTEEN = "unit/slicing/test_acceptance10", "unit/slicing/test_acceptance13"
FOLLOWING, ENGINE = "unit/slicing/test_following10", "unit/slicing/test_engine"
ISOLATION, SWITCH = "unit/slicing/test_isolation", "unit/slicing/test_sliced_switch"
STATISTICS, VERSIONS = "unit/slicing/test_statistics13", "unit/slicing/test_engine_versions"
REST, REGISTRY = "unit/rest/test_rest_slices", "unit/slicing/test_slice_registry"
TENANTS = "integration/test_slicer_tenants"
ANSWERED = f"{TEN}::test_what_the_switch_answers_has_the_id_that_the_tenant_asked_under"
DISCONNECTED = f"{ENGINE}::test_a_slice_without_anything_on_a_switch_is_disconnected_there"

REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "R1": (
        f"{SWITCH}::test_a_higher_flowspace_is_not_overridden_by_the_highest_priority_of_a_lower_one",
        f"{SWITCH}::test_a_band_keeps_the_order_of_priorities_however_many_there_are",
        f"{FOLLOWING}::test_no_header_is_set_to_what_a_higher_slice_owns",
        f"{THIRTEEN}::test_r1_a_higher_flowspace_stands_above_a_lower_one_in_the_first_table",
    ),
    "R2": (
        f"{TEN}::test_basic_pkt_out_correct_and_error",
        f"{THIRTEEN}::test_basic_pkt_out_correct_and_error",
        f"{STATISTICS}::test_an_answer_that_is_an_error_has_the_tenants_own_question",
    ),
    "R3": (
        f"{TEN}::test_r3_errors_of_packet_outs_find_their_tenant",
        f"{THIRTEEN}::test_r3_errors_of_packet_outs_find_their_tenant",
    ),
    "R4": (
        f"{TEN}::test_r4_one_flow_removed_for_one_flow_with_the_sum_of_what_was_counted",
        f"{TEN}::test_r4_a_deleted_flow_is_reported_once_when_all_of_it_has_gone",
        f"{THIRTEEN}::test_r4_one_flow_removed_for_one_flow_as_its_tenant_wrote_it",
    ),
    "R5": (
        f"{SWITCH}::test_the_quota_counts_what_is_installed_and_is_all_or_nothing",
        f"{TEN}::test_flowlimit_error_limit",
        f"{THIRTEEN}::test_flowlimit_and_what_the_switch_refuses_is_no_entry",
    ),
    "R6": (
        f"{VERSIONS}::test_a_message_that_nobody_knows_is_answered_with_an_error_and_closes_nothing",
        f"{ENGINE}::test_what_a_tenant_breaks_it_breaks_for_itself_alone",
        f"{ISOLATION}::test_a_switch_that_sends_garbage_ends_alone",
        "fuzz/test_mutated_for_slicer::test_no_message_of_a_tenant_does_more_than_be_refused",
        "fuzz/test_mutated_for_slicer::test_no_message_of_a_switch_breaks_the_datapath",
    ),
    "R7": (
        f"{REST}::test_a_slice_changes_nothing_that_is_not_its_own",
        f"{REST}::test_a_slice_passes_on_part_of_its_own",
    ),
    "R8": (
        f"{TEN}::test_r8_check_overlap_is_kept_within_the_slice",
        f"{THIRTEEN}::test_r8_check_overlap_is_kept_within_the_slice_and_the_table",
    ),
    "R9": (
        f"{TEN}::test_flood_no_flood_port_is_virtual",
        f"{TEN}::test_no_other_bit_of_a_port_can_be_changed",
        f"{STATISTICS}::test_a_port_is_not_changed_for_all",
    ),
    "R10": (
        f"{THIRTEEN}::test_frames_of_nobody_are_dropped_and_counted_and_lldp_comes_to_the_slicer",
        f"{TEN}::test_r10_frames_of_nobody_are_dropped_in_the_switch_and_counted",
        f"{FOLLOWING}::test_a_drop_of_a_higher_slice_stands_above_its_guard_and_below_its_entries",
        f"{FOLLOWING}::test_frames_of_nobody_come_as_soon_as_they_are_somebodys",
    ),
    "R11": (
        f"{TEN}::test_r11_packet_ins_are_limited",
        f"{TEN}::test_ratelimit_rate_limit",
        f"{THIRTEEN}::test_r11_packet_ins_are_limited",
    ),
    "R12": (
        f"{TEN}::test_basic_vendor_is_refused_unless_it_is_allowed",
        f"{TEN}::test_r12_what_is_done_with_fragments_is_nobodys_to_change",
        f"{STATISTICS}::test_experimenters_ask_only_if_they_may_and_each_part_goes_as_it_comes",
        f"{STATISTICS}::test_tables_and_fragments_are_not_changed_for_all",
    ),
    "R13": (
        f"{TEN}::test_r13_frames_are_marked_also_those_that_are_sent_by_packet_out",
        f"{TENANTS}::test_frames_that_leave_by_packet_outs_alone_carry_the_mark_of_their_slice",
        f"{THIRTEEN}::test_r13_frames_are_marked_before_any_entry_of_a_tenant_sees_them",
    ),
    "R14": (
        "unit/slicing/test_regions::test_the_index_finds_what_looking_at_every_region_finds",
        f"{FOLLOWING}::test_a_rule_of_ranges_and_sets_is_one_region_and_found_without_the_others",
        f"{REST}::test_ten_thousand_rules_come_in_one_body",
    ),
    "R15": (
        f"{THIRTEEN}::test_r15_an_answer_with_nothing_in_it_is_always_sent",
        f"{TEN}::test_stats_queue_stats_and_the_empty_answer",
        f"{TEN}::test_flowstats_fragments_and_the_cache",
        f"{TEN}::test_flowstats_aggregate",
        f"{TEN}::test_r15_the_window_in_which_statistics_serve_all_tenants_is_settable",
        f"{TEN}::test_r15_statistics_with_nothing_in_them_are_left_out_where_that_is_asked_for",
        f"{ENGINE}::test_how_statistics_are_told_is_the_engines_setting",
    ),
    "R16": (
        f"{TEN}::test_r16_several_controllers_and_a_monitor_that_only_looks_on",
        f"{THIRTEEN}::test_r16_several_controllers_and_a_monitor_that_only_looks_on",
    ),
    "R17": (
        f"{ISOLATION}::test_the_slicer_answers_each_echo_itself_with_what_it_carried",
        f"{VERSIONS}::test_echoes_are_answered_with_what_they_carry",
    ),
    "R18": (
        f"{VERSIONS}::test_switches_of_both_versions_are_sliced_side_by_side",
        f"{THIRTEEN}::test_one_entry_of_a_tenant_is_one_of_the_switch_in_the_next_table_with_the_mark",
    ),
    "R19": (
        f"{REST}::test_of_a_list_every_rule_that_is_wrong_is_named_and_none_is_taken",
        f"{REGISTRY}::test_rules_are_taken_all_or_none_and_each_that_is_wrong_is_told",
    ),
    "R20": (f"{TENANTS}::test_a_controller_under_two_slicers_finds_its_cable_by_lldp",),
}

SEEN: dict[str, str] = {
    "the echo reply to a switch has no payload": (
        f"{ISOLATION}::test_the_slicer_answers_each_echo_itself_with_what_it_carried"
    ),
    "any tenant changes how fragments are handled": (
        f"{TEN}::test_r12_what_is_done_with_fragments_is_nobodys_to_change"
    ),
    "a flow-mod that was expanded gives as many flow-removed messages": (
        f"{TEN}::test_r4_one_flow_removed_for_one_flow_with_the_sum_of_what_was_counted"
    ),
    "a slice of every port is told twice of one that came": (
        f"{FOLLOWING}::test_a_slice_of_every_port_is_told_once_of_one_that_comes"
    ),
    "the error of a packet-out is lost": (
        f"{TEN}::test_r3_errors_of_packet_outs_find_their_tenant"
    ),
    "flags of a flow-mod are lost silently": (
        f"{TEN}::test_r8_check_overlap_is_kept_within_the_slice"
    ),
    "a lower slice's entry stands above a higher one's": (
        f"{SWITCH}::test_a_higher_flowspace_is_not_overridden_by_the_highest_priority_of_a_lower_one"
    ),
    "clearing NO_FLOOD sets it": f"{TEN}::test_flood_no_flood_port_is_virtual",
    "other bits of a port-mod are ignored silently": (
        f"{TEN}::test_no_other_bit_of_a_port_can_be_changed"
    ),
    "an unknown message of a tenant closes its connection": (
        f"{VERSIONS}::test_a_message_that_nobody_knows_is_answered_with_an_error_and_closes_nothing"
    ),
    "an unknown message of a switch ends the slicer": (
        f"{ISOLATION}::test_a_switch_that_sends_garbage_ends_alone"
    ),
    "errors of the slicer have the transaction id 0 and another message": (
        f"{TEN}::test_basic_pkt_out_correct_and_error"
    ),
    "read-only slices are refused": f"{TEN}::test_readonly_slices_see_and_may_not_write",
    "the error of a Hello is not sent before the end": (
        f"{ENGINE}::test_a_hello_of_no_common_version_is_answered_before_the_end"
    ),
    "frames that no rule matches keep coming": (
        f"{TEN}::test_r10_frames_of_nobody_are_dropped_in_the_switch_and_counted"
    ),
    "several set actions are not taken together": (
        f"{TEN}::test_several_changes_of_a_header_are_taken_together"
    ),
    "a call that adds two rules ends the thread that adds": (
        f"{REST}::test_rules_come_one_by_one_or_together_and_each_is_told"
    ),
    "any slice edits every other": f"{REST}::test_a_slice_changes_nothing_that_is_not_its_own",
}

CASES: dict[str, str] = {
    "setup": f"{TEN}::test_setup_empties_the_switch",
    "basic.PktInPerPort": f"{TEN}::test_basic_pkt_in_per_port",
    "basic.PktInPerSrcMac": f"{TEN}::test_basic_pkt_in_per_src_mac",
    "basic.Echo": f"{ISOLATION}::test_the_slicer_answers_each_echo_itself_with_what_it_carried",
    "basic.PortStatus": f"{TEN}::test_basic_port_status",
    "basic.PaktOutCorrect, PaktOutError": f"{TEN}::test_basic_pkt_out_correct_and_error",
    "basic.PktOutFlood": f"{TEN}::test_basic_pkt_out_flood",
    "basic.PktOutShort": f"{TEN}::test_basic_pkt_out_short",
    "basic.PktOutBufId": f"{TEN}::test_basic_pkt_out_buffer_id",
    "basic.Vendor": f"{TEN}::test_basic_vendor_is_refused_unless_it_is_allowed",
    "basic.PortStats": ANSWERED,
    "arp.FlowModArp": f"{TEN}::test_arp_flow_mod_arp",
    "flowmod.ExpandNot": f"{TEN}::test_flowmod_expand_not",
    "flowmod.Expand": f"{TEN}::test_flowmod_expand",
    "flowdb.TrackOff, TrackOn": f"{TEN}::test_flowdb_track_on",
    "disconnected.PktIn2Disconn": f"{TEN}::test_disconnected_pkt_in_to_nobody",
    "disconnected.BrokenFlowMod, readonly.BrokenFlowMod": (f"{TEN}::test_readonly_broken_flow_mod"),
    "readonly.PktInPing": f"{TEN}::test_readonly_slices_see_and_may_not_write",
    "readonly.PktOutLldp": f"{TEN}::test_lldp_comes_back_to_the_slice_that_sent_it_and_to_no_other",
    "readonly.LldpErr1, LldpErr2": f"{TEN}::test_readonly_lldp_errors",
    "readonly.Lldp2nobody": f"{TEN}::test_readonly_lldp_to_nobody",
    "flood.FeaturesReply": f"{TEN}::test_flood_features_reply",
    "flood.PktOutFlood": f"{TEN}::test_flood_native_for_the_slice_that_may",
    "flood.PktOutNoFloodPort": f"{TEN}::test_flood_no_flood_port_is_virtual",
    "action.*Action, *Error (18)": f"{TEN}::test_action_that_changes_a_header",
    "action.StripVlanAction, Error": f"{TEN}::test_action_strip_vlan",
    "stats.PortStats": f"{TEN}::test_stats_port_stats",
    "stats.QueueStats": f"{TEN}::test_stats_queue_stats_and_the_empty_answer",
    "stats.DescStats": ANSWERED,
    "stats.TableStats": f"{TEN}::test_stats_table_stats_tell_the_slices_own_entries_and_quota",
    "flowstats.FlowStats": f"{TEN}::test_flowstats_flow_stats",
    "flowstats.FlowStatFragments, FlowStatsSpecific": (
        f"{TEN}::test_flowstats_fragments_and_the_cache"
    ),
    "flowstats.AggStats, AggStatsSpecific": f"{TEN}::test_flowstats_aggregate",
    "flowlimit.SliceLimit": f"{TEN}::test_flowlimit_slice_limit",
    "flowlimit.DPIDLimit, SliceDPIDLimit": (
        f"{ENGINE}::test_flowlimit_holds_for_each_switch_and_for_all_of_them_together"
    ),
    "flowlimit.ErrorLimit": f"{TEN}::test_flowlimit_error_limit",
    "ratelimit.RateLimit": f"{TEN}::test_ratelimit_rate_limit",
    "api.Ping, ListFlowSpace, ListDevices, GetLinks, ChangeFlowSpace, CreateSlice, DeleteSlice": (
        f"{REST}::test_a_slice_is_made_read_changed_and_deleted"
    ),
    "api.CreateSlice (name contro!ler3)": f"{REST}::test_a_name_of_any_characters_is_found_again",
    "api.SliceOwner": f"{REST}::test_a_slice_sets_its_contact_and_its_controllers",
    "deleteSlice.DelSlice": DISCONNECTED,
}

ALL: list[tuple[str, str]] = [
    *((name, test) for name, tests in REQUIREMENTS.items() for test in tests),
    *SEEN.items(),
    *CASES.items(),
]


@cache
def named_in(module: str) -> frozenset[str]:
    """Return the names of the functions of a module of tests."""
    tree = ast.parse((TESTS / f"{module}.py").read_text(encoding="utf-8"))
    return frozenset(one.name for one in tree.body if isinstance(one, ast.FunctionDef))


@pytest.mark.parametrize(("name", "test"), ALL)
def test_each_thing_that_the_slicer_must_do_has_a_test(name: str, test: str) -> None:
    module, _, function = test.partition("::")
    assert function in named_in(module), f"{name}: there is no {test}"


def test_no_requirement_is_forgotten() -> None:
    assert list(REQUIREMENTS) == [f"R{number}" for number in range(1, 21)]
    assert all(REQUIREMENTS.values())
