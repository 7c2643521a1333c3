"""What AWS's own metrics are on an ordinary day and in a fault, played in time before an alarm.

These values are made after what AWS documents of its metrics, and not captured: no function of ours writes them, and there was
no AWS to write them. Lambda: "Types of metrics for Lambda functions" and "Monitoring Lambda function URLs" (a function error or
timeout behind a URL is a 5XX, too). SQS: "Available CloudWatch metrics for Amazon SQS". DynamoDB: "DynamoDB metrics and dimensions".
"""

import dataclasses

from cloudwatch import SPARE_PERIODS, Writes, is_in_alarm, period, samples
from scenarios import EMITTED, MINUTE, metrics, seen, writer
from test_template import CALLBACKS, CONSUMERS, DEPLOYED, FUNCTIONS
from translated import of_type

APIS = ["SignApi", "MerchantApi"]
BACKGROUND = ["OutboxRelay", "Sweeper", "Worker"]
QUEUES = of_type(DEPLOYED, "AWS::SQS::Queue")
TABLES = of_type(DEPLOYED, "AWS::DynamoDB::Table")
INDEXES = [f"{name}/{index['IndexName']}" for name, table in TABLES.items() for index in table.get("GlobalSecondaryIndexes", [])]
# Requests a minute of each function that is called from outside.
REQUESTS = 20
HOUR, DAY = 60 * MINUTE, 24 * 60 * MINUTE


@dataclasses.dataclass
class Fault:
    """Something that goes on, and the alarms that it moves: these and no others.

    `shows` is one or more ways that it shows: a resource's metric to its values in a minute, or to what makes them of the
    minutes since it began.
    """

    shows: list
    moves: set
    minutes: int = 15


def each(resources, metrics_of_one):
    """The same fault of one resource after another."""
    return [{(resource, metric): values for metric, values in metrics_of_one.items()} for resource in resources]


def together(resources, metrics_of_one):
    """The same fault of several at once."""
    return [{(resource, metric): values for resource in resources for metric, values in metrics_of_one.items()}]


def seldom_called(functions, metrics_of_one):
    """The same fault of one after another, while the others of its kind have a hundred times the requests."""
    busy = [1] * REQUESTS * 100
    return [
        {(one, metric): values for metric, values in metrics_of_one.items()}
        | {(other, "UrlRequestCount"): busy for other in functions if other != one}
        for one in functions
    ]


# A panic, a timeout or a start that fails is an error of the function, and behind a URL a 5xx besides.
CRASHES = {"Errors": [1, 1], "Url5xxCount": [1, 1]}

FAULTS = {
    "one callback panics": Fault(each(CALLBACKS, {"Errors": [1], "Url5xxCount": [1]}), {"CallbackErrorsAlarm"}, minutes=1),
    "a tenth of the callbacks of a function panic": Fault(each(CALLBACKS, CRASHES), {"CallbackErrorsAlarm", "CallbackFaultsAlarm"}),
    "a tenth of the callbacks of a function are answered with 503": Fault(each(CALLBACKS, {"Url5xxCount": [1, 1]}), {"CallbackFaultsAlarm"}),
    "a new version of all callbacks answers with 503": Fault(together(CALLBACKS, {"Url5xxCount": [1, 1]}), {"CallbackFaultsAlarm"}),
    "a tenth of the callbacks of a seldom called function are answered with 503": Fault(
        seldom_called(CALLBACKS, {"Url5xxCount": [1, 1]}), {"CallbackFaultsAlarm"},
    ),
    "callbacks take three of WeChat's five seconds": Fault(each(CALLBACKS, {"UrlRequestLatency": [3000] * REQUESTS}), {"CallbackLatencyAlarm"}),
    "one call of twenty panics": Fault(each(APIS, {"Errors": [1], "Url5xxCount": [1]}), {"ApiErrorsAlarm"}),
    "a new version of both APIs panics": Fault(together(APIS, CRASHES), {"ApiErrorsAlarm", "ApiFaultsAlarm"}),
    "a new version of both APIs answers with 503": Fault(together(APIS, {"Url5xxCount": [1, 1]}), {"ApiFaultsAlarm"}),
    "a new version of one API panics": Fault(each(APIS, CRASHES), {"ApiErrorsAlarm", "ApiFaultsAlarm"}),
    "a new version of one API answers with 503": Fault(each(APIS, {"Url5xxCount": [1, 1]}), {"ApiFaultsAlarm"}),
    "a tenth of the calls of a seldom called API are answered with 503": Fault(
        seldom_called(APIS, {"Url5xxCount": [1, 1]}), {"ApiFaultsAlarm"},
    ),
    "an API answers every call with 503": Fault(each(APIS, {"Url5xxCount": [1] * REQUESTS}), {"ApiFaultsAlarm"}),
    "calls take twelve seconds": Fault(each(APIS, {"UrlRequestLatency": [12000] * REQUESTS}), {"ApiLatencyAlarm"}),
    # Its next try succeeds, so that nothing waits for long.
    "the first try fails in each minute": Fault(each(BACKGROUND, {"Errors": [1, 0]}), {"BackgroundErrorsAlarm"}),
    "the relay fails, and its stream grows old": Fault(
        [{("OutboxRelay", "Errors"): [1, 1], ("OutboxRelay", "IteratorAge"): lambda minute: [minute * 60_000]}],
        {"BackgroundErrorsAlarm", "RelayIteratorAgeAlarm"},
    ),
    "more is written than the relay reads": Fault(
        [{("OutboxRelay", "IteratorAge"): lambda minute: [30_000 + minute * 10_000]}], {"RelayIteratorAgeAlarm"}, minutes=30,
    ),
    "a function has no concurrency left": Fault(each(FUNCTIONS, {"Throttles": [1, 1, 1]}), {"ThrottlesAlarm"}),
    "a message is given up": Fault(
        each([name for name in QUEUES if name.endswith("DeadLetterQueue")], {"ApproximateNumberOfMessagesVisible": [1]}), {"DeadLettersAlarm"},
    ),
    **{
        f"nobody takes what waits in the queue {name}": Fault(
            [{(f"{name}Queue", "ApproximateAgeOfOldestMessage"): lambda minute: [minute * 60]}], {f"{name}QueueAgeAlarm"},
        )
        for name in [*CONSUMERS, "Work"]
    },
    # A run that fails is tried again twice; the other merchant's bill was compared.
    "a merchant's bill cannot be compared": Fault([{("BillReconciler", "Errors"): [1]}], {"BillErrorsAlarm"}, minutes=3),
    "a table throttles": Fault(
        each(TABLES, {"WriteThrottleEvents": [1] * 5}) + each(TABLES, {"ReadThrottleEvents": [1] * 5}), {"TablesThrottledAlarm"},
    ),
    # The metric of a table by its name alone leaves its indexes out.
    "an index throttles": Fault(each(INDEXES, {"WriteThrottleEvents": [1] * 5}), {"TablesThrottledAlarm"}),
    "writes lose their races": Fault(each(TABLES, {"TransactionConflict": [1] * 30}), {"TablesConflictsAlarm"}),
}

# What goes on for an hour just below a bound, and moves nothing.
BORNE = {
    "three of five minutes' callbacks are answered with 5xx": {("PaymentCallback", "Url5xxCount"): lambda minute: [int(minute % 5 < 3)]},
    "three of five minutes' calls are answered with 5xx": {("SignApi", "Url5xxCount"): lambda minute: [int(minute % 5 < 3)]},
    "one of two hundred callbacks is answered with 5xx": {("PaymentCallback", "UrlRequestCount"): [1] * 200, ("PaymentCallback", "Url5xxCount"): [1]},
    "a twentieth of the calls is answered with 5xx": {("SignApi", "Url5xxCount"): [1]},
    **{
        f"{function} has three requests in five minutes and answers all of them with 5xx": {
            (function, metric): lambda minute: [int(minute % 5 < 3)] for metric in ("UrlRequestCount", "Url5xxCount")
        }
        for function in ("PaymentCallback", "SignApi")
    },
    "callbacks take 2.5 s": {("PaymentCallback", "UrlRequestLatency"): [2500] * REQUESTS},
    "calls take 10 s": {("SignApi", "UrlRequestLatency"): [10_000] * REQUESTS},
    "the worker fails in each third minute": {("Worker", "Errors"): lambda minute: [int(minute % 3 == 0)]},
    "the relay is a minute behind": {("OutboxRelay", "IteratorAge"): [60_000]},
    "events wait for five minutes": {(f"{name}Queue", "ApproximateAgeOfOldestMessage"): [300] for name in [*CONSUMERS, "Work"]},
    "a hundred writes in five minutes lose their race": {("LedgerTable", "TransactionConflict"): [1] * 20},
}


def traffic():
    """What AWS writes in a minute in which each function has something to do and nothing goes wrong."""
    written = {(name, "Throttles"): [0] for name in FUNCTIONS} | {(name, "Errors"): [0, 0, 0] for name in FUNCTIONS}
    for name in [*CALLBACKS, *APIS]:
        written[name, "UrlRequestCount"] = [1] * REQUESTS
        written[name, "Url5xxCount"] = [0] * REQUESTS
        # A start from nothing among them.
        written[name, "UrlRequestLatency"] = [80] * (REQUESTS - 1) + [900]
    written["OutboxRelay", "IteratorAge"] = [150, 400]
    for name in QUEUES:
        written[name, "ApproximateNumberOfMessagesVisible"] = [0]
        written[name, "ApproximateAgeOfOldestMessage"] = [0 if name.endswith("DeadLetterQueue") else 3]
    return written


TRAFFIC = traffic()
# Metrics that are missing, as AWS writes none, and not 0: queues that are not used, faults that there are none of.
SPARSE = {key: values for key, values in TRAFFIC.items() if key[1].startswith("UrlRequest")}


def by_day(time):
    """Traffic with all its zeros and with no zeros, in turn by hour; until six in the morning none."""
    hour = time % DAY // HOUR
    return {} if hour < 6 else TRAFFIC if hour % 2 else SPARSE


def of_ours(time):
    """What the functions write themselves, the bill of each day included."""
    written = {"sweeper": EMITTED["ordinary"]["writes"]["sweeper"]} if not by_day(time) else dict(EMITTED["ordinary"]["writes"])
    if time % DAY == 10 * HOUR + 30 * MINUTE:
        written["bill-reconciler"] = {"BillsCompared": EMITTED["bill_differs"]["writes"]["bill-reconciler"]["BillsCompared"]}
    return written


def play(alarm, show, minutes, offset=0, around=by_day):
    """An ordinary day in which something shows for some minutes: what was written, when that begins, and when the play ends."""
    seconds = period(alarm)
    margin = (alarm["EvaluationPeriods"] + SPARE_PERIODS + 1) * seconds
    begin = margin + offset
    end = begin + minutes * MINUTE
    whole = -(-end // seconds) * seconds + margin
    looked_at = {(writer(m[4]), m[2]) for m in metrics(alarm)}
    writes = Writes()

    def write(time, function, metric, statistics):
        if (function, metric) in looked_at:
            writes.add(time, {function: {metric: statistics}})

    shown = {(writer(resource), metric) for resource, metric in show}
    for time in range(0, whole, MINUTE):
        # It begins at noon.
        clock = time - margin + 12 * HOUR
        for function, all_of_it in of_ours(clock).items():
            for metric, statistics in all_of_it.items():
                # It is AWS that counts requests.
                if metric != "UrlRequestCount":
                    write(time, function, metric, statistics)
        for (resource, metric), values in around(clock).items():
            if not ((writer(resource), metric) in shown and begin <= time < end):
                write(time, writer(resource), metric, samples(*values))
    for minute in range(minutes):
        for (resource, metric), values in show.items():
            values = values(minute) if callable(values) else values
            write(begin + minute * MINUTE, writer(resource), metric, samples(*values))
    return writes, begin, whole


def goes_off_after(alarm, show, minutes, offset=0, late=0, around=by_day):
    """The seconds from a fault's beginning until the alarm is in ALARM, or None if it never is.

    A value that comes late is not there when its period is looked at first, and is when it is looked at again.
    """
    seconds = period(alarm)
    writes, begin, whole = play(alarm, show, minutes, offset, around)
    at_last = seen(alarm, writes, whole)
    for now in range(begin - offset, whole + 1, seconds):
        datapoints = seen(alarm, writes, now, late) if late else at_last[:now // seconds]
        if is_in_alarm(alarm, datapoints):
            return now - begin
    return None


def shows_in(alarm, show):
    """Whether a fault shows in a metric that the alarm looks at."""
    return bool({(writer(m[4]), m[2]) for m in metrics(alarm)} & {(writer(resource), metric) for resource, metric in show})
