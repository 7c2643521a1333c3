"""What CloudWatch makes of metrics over time: datapoints, metric math, and the state of an alarm.

After Amazon CloudWatch's user guide: "Using metric math", "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data".
"""

import ast
import math

# An alarm looks for datapoints in a longer time than the periods that it evaluates, since some may be missing; so many more.
SPARE_PERIODS = 2


class Missing:
    """No value: only FILL gives it one."""


class AsPython(ast.NodeTransformer):
    """Metric math as Python's own."""

    def visit_Call(self, call):
        self.generic_visit(call)
        if call.func.id != "IF":
            return call
        condition, yes, no = call.args
        return ast.IfExp(condition, yes, no)

    def visit_BinOp(self, operation):
        self.generic_visit(operation)
        if not isinstance(operation.op, ast.Div):
            return operation
        return ast.Call(ast.Name("DIVIDED", ast.Load()), [operation.left, operation.right], [])


FUNCTIONS = {
    "FILL": lambda value, filled: filled if value is Missing else value,
    # By nothing: no value, and what else is in the expression has one all the same.
    "DIVIDED": lambda dividend, divisor: dividend / divisor if divisor else Missing,
    "MAX": lambda many: max((value for value in many if value is not Missing), default=Missing),
}


def datapoint(alarm, values):
    """What an alarm compares with its threshold where its metrics have these values in a period."""
    if "MetricName" in alarm:
        return values["value"]
    [expression] = [query["Expression"] for query in alarm["Metrics"] if "Expression" in query]
    tree = ast.fix_missing_locations(AsPython().visit(ast.parse(expression, mode="eval")))
    return eval(compile(tree, "expression", "eval"), FUNCTIONS | values)


def breaches(alarm, value):
    """Whether a datapoint is a bad one."""
    above, below = alarm["ComparisonOperator"] == "GreaterThanThreshold", alarm["ComparisonOperator"] == "LessThanThreshold"
    assert above or below, alarm["ComparisonOperator"]
    return value > alarm["Threshold"] if above else value < alarm["Threshold"]


def period(alarm):
    """The seconds of one datapoint."""
    if "MetricName" in alarm:
        return alarm["Period"]
    [seconds] = {query["MetricStat"]["Period"] for query in alarm["Metrics"] if "MetricStat" in query}
    return seconds


def is_in_alarm(alarm, datapoints):
    """Whether an alarm is in ALARM after these datapoints, the newest last."""
    count, bad = alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]
    real = [breaches(alarm, value) for value in datapoints[-(count + SPARE_PERIODS):] if value is not Missing]
    if len(real) >= count:
        # What is missing does not matter where older values stand in for it.
        looked_at = real[-count:]
    else:
        assert alarm["TreatMissingData"] in ("breaching", "notBreaching"), alarm["TreatMissingData"]
        looked_at = real + [alarm["TreatMissingData"] == "breaching"] * (count - len(real))
    return sum(looked_at) >= bad


def states(alarm, datapoints):
    """Whether it is in ALARM after each period, from the first that has a whole range of evaluation behind it."""
    first = alarm["EvaluationPeriods"] + SPARE_PERIODS
    return [is_in_alarm(alarm, datapoints[:end]) for end in range(first, len(datapoints) + 1)]


def samples(*values):
    """The statistics of single values, as `Writes` takes them."""
    return {"sum": sum(values), "max": max(values), "min": min(values), "samples": values}


def percentile(share, lists):
    """The smallest value that so large a share of all values does not exceed."""
    ordered = sorted(value for values in lists for value in values)
    return ordered[math.ceil(share * len(ordered)) - 1]


# How a statistic of a period is made of those that were written in it: which ones, and by what.
MERGE = {
    "sum": ("sum", sum),
    "max": ("max", max),
    "min": ("min", min),
    # A percentile cannot be had from percentiles.
    "p99": ("samples", lambda lists: percentile(0.99, lists)),
}


class Writes:
    """What functions wrote, and when: `(function, metric)` to times and statistics."""

    def __init__(self):
        self.by_metric = {}

    def add(self, time, written):
        """`written` is, for each function and metric, the sum and the extremes of its values."""
        for function, all_of_it in written.items():
            for metric, statistics in all_of_it.items():
                self.by_metric.setdefault((function, metric), []).append((time, statistics))

    def series(self, function, metric, statistic, seconds, end, late=0):
        """One value a period up to `end`, or Missing. What was written in the last `late` seconds before it has not come yet."""
        part, merge = MERGE[statistic]
        found = [[] for _ in range(end // seconds)]
        for time, statistics in self.by_metric.get((function, metric), []):
            if time < end - late:
                found[time // seconds].append(statistics[part])
        return [merge(values) if values else Missing for values in found]
