"""The alarms on AWS's metrics: each is tripped by its fault, none by another one's, and none on an ordinary day."""

import unittest

from by_aws import (
    APIS, BORNE, DAY, FAULTS, MINUTE, SPARSE, TRAFFIC, by_day, each, goes_off_after, play, shows_in, together,
)
from cloudwatch import period, states
from scenarios import EMITTED, goes_off, metrics, seen, tell
from test_alarms import ALARMS, TRIPPED_BY
from test_template import CALLBACKS, DEPLOYED
from translated import of_type, text

# How late a value comes at most, in seconds: the services write once a minute, and need a moment for it.
LATE = 2 * MINUTE
# A new version has a tenth of the traffic for so long, and all of it afterwards: seconds.
CANARY = 600
OF_AWS_ALONE = {name for name, alarm in ALARMS.items() if all(metric[1] != "papay" for metric in metrics(alarm))}
# What roll a deployment back.
ROLL_BACK = {text(alarm["Name"]) for group in of_type(DEPLOYED, "AWS::CodeDeploy::DeploymentGroup").values()
             for alarm in group["AlarmConfiguration"]["Alarms"]}
# What a single period does not trip: it may pass by itself.
PATIENT = {
    "CallbackLatencyAlarm", "ApiLatencyAlarm", "BackgroundErrorsAlarm", "RelayIteratorAgeAlarm",
    "MembershipQueueAgeAlarm", "LedgerQueueAgeAlarm", "WorkQueueAgeAlarm",
}


def begins(alarm):
    """A fault does not begin with a period."""
    return 0, period(alarm) // 3, period(alarm) - 1


class AlarmsOfAws(unittest.TestCase):
    def test_no_alarm_of_the_template_is_without_a_fault_that_trips_it(self):
        tripped = set().union(*(fault.moves for fault in FAULTS.values()))
        self.assertEqual(tripped, OF_AWS_ALONE)
        self.assertEqual(set(ALARMS), set(TRIPPED_BY) | tripped)

    def test_a_fault_that_aws_sees_trips_its_alarms_and_no_other(self):
        for fault_name, fault in FAULTS.items():
            for show in fault.shows:
                # The others are as on an ordinary day.
                for name, alarm in ((name, alarm) for name, alarm in ALARMS.items() if name in fault.moves or shows_in(alarm, show)):
                    for offset in begins(alarm):
                        for late in (0, LATE):
                            with self.subTest(fault_name, shows=list(show), alarm=name, offset=offset, late=late):
                                after = goes_off_after(alarm, show, fault.minutes, offset, late)
                                self.assertEqual(after is not None, name in fault.moves)

    def test_every_metric_of_an_alarm_of_aws_is_shown_by_some_fault(self):
        shown = {key for fault in FAULTS.values() for show in fault.shows for key in show}
        for name in OF_AWS_ALONE:
            for _, _, metric, _, resource, _ in metrics(ALARMS[name]):
                # How many requests there are is no fault.
                self.assertTrue(metric == "UrlRequestCount" or (resource.split(".")[0], metric) in shown, f"{name}: {resource} {metric}")

    def test_no_alarm_moves_on_an_ordinary_day(self):
        for name, alarm in ALARMS.items():
            for around in (by_day, lambda time: TRAFFIC, lambda time: SPARSE, lambda time: {}):
                with self.subTest(name):
                    writes, _, whole = play(alarm, {}, DAY // MINUTE, around=around)
                    self.assertFalse(any(states(alarm, seen(alarm, writes, whole))))
            with self.subTest(name, late=LATE):
                self.assertIsNone(goes_off_after(alarm, {}, 30, late=LATE))

    def test_a_single_period_does_not_trip_an_alarm_that_wants_more_of_them(self):
        self.assertEqual({name for name in OF_AWS_ALONE if ALARMS[name]["DatapointsToAlarm"] > 1}, PATIENT)
        for fault_name, fault in FAULTS.items():
            for show in fault.shows:
                worst = {key: values(fault.minutes - 1) if callable(values) else values for key, values in show.items()}
                for name in fault.moves & PATIENT:
                    for late in (0, LATE):
                        with self.subTest(fault_name, shows=list(show), alarm=name, late=late):
                            self.assertEqual(period(ALARMS[name]), MINUTE)
                            self.assertIsNone(goes_off_after(ALARMS[name], worst, 1, late=late))

    def test_what_stays_at_its_bound_for_an_hour_trips_none(self):
        for borne, show in BORNE.items():
            for name, alarm in ALARMS.items():
                if shows_in(alarm, show):
                    with self.subTest(borne, alarm=name):
                        self.assertIsNone(goes_off_after(alarm, show, 60))

    def test_the_alarms_that_roll_a_deployment_back_trip_within_the_canarys_ten_minutes_of_a_fault(self):
        seen_to_trip = set()
        for fault_name, fault in FAULTS.items():
            for show in fault.shows:
                for name in fault.moves & ROLL_BACK:
                    seen_to_trip.add(name)
                    for offset in begins(ALARMS[name]):
                        for late in (0, LATE):
                            with self.subTest(fault_name, shows=list(show), alarm=name, offset=offset, late=late):
                                self.assertLessEqual(goes_off_after(ALARMS[name], show, fault.minutes, offset, late), CANARY)
        for name in ROLL_BACK & set(TRIPPED_BY):
            alarm = ALARMS[name]
            seen_to_trip.add(name)
            for offset in begins(alarm):
                with self.subTest(name, offset=offset):
                    writes, whole = tell(TRIPPED_BY[name], "ordinary", alarm, offset)
                    [begin] = {time for (_, metric), all_of_it in writes.by_metric.items() for time, _ in all_of_it
                               if metric in ("SignaturesRefused", "KeyFaults")}
                    datapoints = seen(alarm, writes, whole)[:(begin + CANARY) // period(alarm)]
                    self.assertTrue(any(states(alarm, datapoints)))
        self.assertEqual(seen_to_trip, ROLL_BACK)

    def test_a_fault_of_all_functions_of_a_kind_rolls_back_though_each_has_few_requests(self):
        for name, functions, failed in [("CallbackFaultsAlarm", CALLBACKS, 1), ("ApiFaultsAlarm", APIS, 2)]:
            faults = {"Url5xxCount": lambda minute, failed=failed: [failed * int(minute % 5 == 0)]}
            few = {(function, "UrlRequestCount"): [1, 1] for function in functions}
            for offset in begins(ALARMS[name]):
                for late in (0, LATE):
                    with self.subTest(name, offset=offset, late=late):
                        def after(shows):
                            return [goes_off_after(ALARMS[name], show, 15, offset, late, around=lambda time: few) for show in shows]
                        [together_after] = after(together(functions, faults))
                        self.assertLessEqual(together_after, CANARY)
                        # Of one alone these are too few to tell.
                        self.assertEqual(after(each(functions, faults)), [None] * len(functions))

    def test_wechats_probes_and_our_own_move_no_alarm_of_aws(self):
        for scenario in ("ordinary", "probes", "deployment_probe"):
            for name in OF_AWS_ALONE:
                for offset in begins(ALARMS[name]):
                    with self.subTest(scenario, alarm=name, offset=offset):
                        self.assertFalse(goes_off(ALARMS[name], scenario, "ordinary", offset), EMITTED[scenario])


if __name__ == "__main__":
    unittest.main()
