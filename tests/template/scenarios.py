"""What the functions wrote while things went wrong, played in time before an alarm."""

import json
import re

from cloudwatch import SPARE_PERIODS, Writes, datapoint, period, states
from test_template import DEPLOYED, FUNCTIONS
from translated import ROOT, text

# What the functions wrote while these things happened, collected from their logs by tests/it/alarms.rs: for each function
# and metric the sum and the extremes of its values. Where it goes on, how often and for how long is said, in seconds.
EMITTED = json.loads((ROOT / "tests/template/emitted.json").read_text(encoding="utf-8"))
MINUTE = 60
# What runs by the clock, whatever the others do.
BY_CLOCK = "sweeper"
# The stack of the local functions, whose log lines were collected.
STACK = "papay"


def crate(logical_name):
    """`DeductionCallback` is the function `deduction-callback`, here and on a laptop."""
    return re.sub(r"(?<!^)([A-Z])", r"-\1", logical_name).lower()


def metrics(alarm):
    """What an alarm looks at: its metrics as `(id, namespace, name, dimension, resource, statistic)`."""
    if "MetricName" in alarm:
        [dimension] = alarm["Dimensions"]
        return [("value", alarm["Namespace"], alarm["MetricName"], dimension["Name"], text(dimension["Value"]), alarm["Statistic"])]
    found = []
    for query in alarm["Metrics"]:
        if "MetricStat" in query:
            metric = query["MetricStat"]["Metric"]
            dimension, *_ = metric["Dimensions"]
            found.append((query["Id"], metric["Namespace"], metric["MetricName"], dimension["Name"],
                          named(metric["Dimensions"]), query["MetricStat"]["Stat"]))
    return found


def named(dimensions):
    """The resource that a metric is of: `Sweeper`, `LedgerTable`, and an index of a table as `LedgerTable/due`."""
    first, *more = dimensions
    return "/".join([text(first["Value"]), *(text(other["Value"]) for other in more if other["Name"] == "GlobalSecondaryIndexName")])


def deployed_name(resource):
    """What a function, its log lines and an alarm's dimension call it: `papay-sweeper`, in a stack named `papay`."""
    return text(DEPLOYED["Resources"][resource]["Properties"]["FunctionName"]).replace("${AWS::StackName}", STACK)


def tell(scenario, around, alarm, offset, once=False):
    """A scenario as a play in time, with as much time before and after it as the alarm looks back.

    What lasts is repeated for as long as the scenario says, and stands alone while it does: the functions write that, and nothing else
    but what runs by the clock. Of that, too, only the scenario tells where it names it, be it that nothing is written.
    What is a single event comes beside what goes on around it.
    """
    seconds = period(alarm)
    margin = (alarm["EvaluationPeriods"] + SPARE_PERIODS + 1) * seconds
    story = EMITTED[scenario]
    every, lasts = story.get("every_seconds", 0), story.get("lasts_seconds", 0)
    turns = [margin + offset + turn for turn in range(0, lasts, every)] if lasts else [margin + offset]
    begin, end = turns[0], turns[0] + lasts
    if once:
        turns, end = turns[:1], begin + min(lasts, every, seconds)
    writes = Writes()
    for time in turns:
        writes.add(time, story["writes"])
    whole = (end // seconds + 1) * seconds + margin
    for time in range(0, whole, MINUTE) if around else []:
        writes.add(time, beside(story, EMITTED[around]) if begin <= time < end else EMITTED[around]["writes"])
    return writes, whole


def beside(story, around):
    """What goes on of the rest while a story stands alone."""
    return {name: written for name, written in around["writes"].items() if name == BY_CLOCK and name not in story["writes"]}


def goes_off(alarm, scenario, around, offset=0, once=False):
    """Whether the alarm is in ALARM at any time while the scenario is played."""
    writes, whole = tell(scenario, around, alarm, offset, once)
    return any(states(alarm, seen(alarm, writes, whole)))


def writer(resource):
    """Under whose name a resource's metrics are told: a function's by its crate, a queue's or a table's by its logical name."""
    resource = resource.split(".")[0]
    return deployed_name(resource).removeprefix(f"{STACK}-") if resource in FUNCTIONS else resource


def seen(alarm, writes, whole, late=0):
    """The datapoints of an alarm at a time, when each value takes so many seconds to come."""
    statistic = {"Sum": "sum", "Maximum": "max", "Minimum": "min", "p99": "p99"}
    series = {}
    for key, _, name, _, resource, stat in metrics(alarm):
        series[key] = writes.series(writer(resource), name, statistic[stat], period(alarm), whole, late)
    periods = range(whole // period(alarm))
    return [datapoint(alarm, {key: values[at] for key, values in series.items()}) for at in periods]
