"""The evaluation of alarms against the tables of CloudWatch's own user guide ("How alarm state is evaluated when data is missing")."""

import unittest

from cloudwatch import Missing, Writes, datapoint, is_in_alarm, period, samples, states

GOOD, BAD, NONE = 0, 9, Missing


def alarm(bad, count, missing="notBreaching"):
    return {
        "MetricName": "m", "Period": 60, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 5,
        "EvaluationPeriods": count, "DatapointsToAlarm": bad, "TreatMissingData": missing,
    }


class MissingData(unittest.TestCase):
    def judge(self, bad, count, datapoints):
        return tuple(is_in_alarm(alarm(bad, count, missing), datapoints) for missing in ("breaching", "notBreaching"))

    def test_three_of_three(self):
        for datapoints, expected in [
            ([GOOD, NONE, BAD, NONE, BAD], (False, False)),
            ([NONE, NONE, NONE, NONE, GOOD], (False, False)),
            ([NONE, NONE, NONE, NONE, NONE], (True, False)),
            ([GOOD, BAD, BAD, NONE, BAD], (True, True)),
            ([NONE, NONE, BAD, NONE, NONE], (True, False)),
        ]:
            self.assertEqual(self.judge(3, 3, datapoints), expected, datapoints)

    def test_two_of_three(self):
        for datapoints, expected in [
            ([GOOD, NONE, BAD, NONE, BAD], (True, True)),
            ([GOOD, GOOD, BAD, GOOD, BAD], (True, True)),
            ([GOOD, NONE, BAD, NONE, NONE], (True, False)),
            ([NONE, NONE, NONE, NONE, GOOD], (True, False)),
            ([NONE, NONE, NONE, NONE, BAD], (True, False)),
        ]:
            self.assertEqual(self.judge(2, 3, datapoints), expected, datapoints)

    def test_an_alarm_that_wants_three_of_five_does_not_go_off_at_one_or_two(self):
        for many in range(6):
            series = [GOOD] * 7 + [BAD] * many + [GOOD] * 7
            self.assertEqual(any(states(alarm(3, 5), series)), many >= 3, many)
        apart = [GOOD] * 7 + [BAD, GOOD, BAD, GOOD, BAD] + [GOOD] * 7
        self.assertTrue(any(states(alarm(3, 5), apart)))
        too_far_apart = [GOOD] * 7 + [BAD, GOOD, GOOD, BAD, GOOD, GOOD, BAD] + [GOOD] * 7
        self.assertFalse(any(states(alarm(3, 5), too_far_apart)))


class Metrics(unittest.TestCase):
    def test_what_is_written_falls_into_the_period_of_its_time(self):
        writes = Writes()
        writes.add(59, {"f": {"m": {"sum": 2, "max": 2}}})
        writes.add(60, {"f": {"m": {"sum": 3, "max": 3}}})
        writes.add(119, {"f": {"m": {"sum": 4, "max": 1}}})
        self.assertEqual(writes.series("f", "m", "sum", 60, 180), [2, 7, Missing])
        self.assertEqual(writes.series("f", "m", "max", 60, 180), [2, 3, Missing])
        self.assertEqual(writes.series("f", "m", "sum", 300, 600), [9, Missing])

    def test_what_comes_late_is_not_there_yet_and_is_there_when_one_looks_again(self):
        writes = Writes()
        writes.add(50, {"f": {"m": {"sum": 2}}})
        self.assertEqual(writes.series("f", "m", "sum", 60, 60, late=30), [Missing])
        self.assertEqual(writes.series("f", "m", "sum", 60, 120, late=30), [2, Missing])

    def test_a_percentile_is_of_all_values_of_the_period(self):
        writes = Writes()
        writes.add(0, {"f": {"m": samples(*[10] * 99)}})
        writes.add(30, {"f": {"m": samples(900)}})
        self.assertEqual(writes.series("f", "m", "p99", 60, 60), [10])
        writes.add(31, {"f": {"m": samples(800)}})
        self.assertEqual(writes.series("f", "m", "p99", 60, 60), [800])

    def test_a_division_by_nothing_has_no_value(self):
        expression = {"Metrics": [{"Id": "value", "Expression": "100 * a / FILL(b, 0)"},
                                  {"Id": "a", "MetricStat": {"Period": 300}}, {"Id": "b", "MetricStat": {"Period": 300}}]}
        self.assertIs(datapoint(expression, {"a": 1, "b": Missing}), Missing)
        self.assertEqual((datapoint(expression, {"a": 1, "b": 4}), period(expression)), (25, 300))

    def test_the_largest_is_of_those_that_have_a_value(self):
        largest = {"Metrics": [{"Id": "value", "Expression": "MAX([a / FILL(b, 0), c])"}]}
        for values, expected in [((1, 4, 2), 2), ((12, 4, 2), 3), ((1, Missing, 2), 2), ((1, 0, Missing), Missing)]:
            self.assertEqual(datapoint(largest, dict(zip("abc", values))), expected, values)


if __name__ == "__main__":
    unittest.main()
