"""What the deployed stack must be, asserted on the translated template: an emulator ignores half of it, and lint all of it."""

import json
import pathlib
import re
import unittest

from probes import PROBES
from translated import ROOT, allowed, many, of_type, source, text, translate

CALLBACKS = ["DeductionCallback", "ContractCallback", "PaymentCallback", "RefundCallback"]
# Open to the world: callbacks prove themselves by WeChat's signature, the app by its user's token.
PUBLIC = [*CALLBACKS, "SignApi"]
FUNCTIONS = [*PUBLIC, "OutboxRelay", "Sweeper", "Worker", "MerchantApi", "BillReconciler"]
# They run at deployments only.
HELPERS = [*PROBES, "Fingerprint"]
CONSUMERS = ["Membership", "Ledger"]

# SQS knows a message again for this long: seconds.
DEDUPLICATION_WINDOW = 300

TEMPLATE = source()
DEPLOYED = translate(TEMPLATE)


class PublicUrls(unittest.TestCase):
    def permissions(self, template, function):
        grants = of_type(template, "AWS::Lambda::Permission").values()
        return [grant for grant in grants if text(grant["FunctionName"]) == f"{function}Aliaslive"]

    def test_callbacks_and_the_apps_function_have_a_public_url_on_their_alias(self):
        urls = of_type(DEPLOYED, "AWS::Lambda::Url")
        self.assertEqual(sorted(urls), sorted(f"{function}Url" for function in [*PUBLIC, "MerchantApi"]))
        for function in PUBLIC:
            url = urls[f"{function}Url"]
            self.assertEqual(url["AuthType"], "NONE")
            self.assertEqual(text(url["TargetFunctionArn"]), f"{function}Aliaslive")

    def test_the_back_ends_url_wants_signed_requests_and_grants_nobody(self):
        url = of_type(DEPLOYED, "AWS::Lambda::Url")["MerchantApiUrl"]
        self.assertEqual((url["AuthType"], text(url["TargetFunctionArn"])), ("AWS_IAM", "MerchantApiAliaslive"))
        self.assertEqual(self.permissions(DEPLOYED, "MerchantApi"), [])
        self.assertEqual(TEMPLATE["Parameters"]["Principals"]["Default"], "[]")

    def test_a_public_url_has_both_permissions_and_no_other(self):
        for function in PUBLIC:
            with self.subTest(function):
                grants = {grant["Action"]: grant for grant in self.permissions(DEPLOYED, function)}
                self.assertEqual(set(grants), {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"})
                self.assertEqual(len(self.permissions(DEPLOYED, function)), 2)
                by_url, by_invoke = grants["lambda:InvokeFunctionUrl"], grants["lambda:InvokeFunction"]
                self.assertEqual((by_url["Principal"], by_url["FunctionUrlAuthType"]), ("*", "NONE"))
                # Without the condition anyone could invoke the function past its URL.
                self.assertEqual((by_invoke["Principal"], by_invoke["InvokedViaFunctionUrl"]), ("*", True))

    def test_an_auth_type_by_reference_would_leave_no_permission(self):
        template = source()
        template["Parameters"]["Auth"] = {"Type": "String", "Default": "NONE"}
        for function in PUBLIC:
            template["Resources"][function]["Properties"]["FunctionUrlConfig"]["AuthType"] = {"Fn::If": ["x", "NONE", "NONE"]}
        self.assertEqual([self.permissions(translate(template), function) for function in PUBLIC], [[] for _ in PUBLIC])

    def test_nothing_else_is_open_to_everyone(self):
        grants = of_type(DEPLOYED, "AWS::Lambda::Permission").values()
        public = [text(grant["FunctionName"]) for grant in grants if grant["Principal"] == "*"]
        self.assertEqual(sorted(set(public)), sorted(f"{function}Aliaslive" for function in PUBLIC))


class Functions(unittest.TestCase):
    functions = {name: function for name, function in of_type(DEPLOYED, "AWS::Lambda::Function").items() if name not in HELPERS}

    def test_each_function_of_the_workspace_is_deployed_under_its_name(self):
        crates = sorted(path.parent.name for path in ROOT.glob("functions/*/Cargo.toml"))
        functions = [r for r in TEMPLATE["Resources"].values() if r["Type"] == "AWS::Serverless::Function"]
        self.assertEqual(sorted(function["Metadata"]["BuildProperties"]["Binary"] for function in functions), crates)
        self.assertEqual({function["Metadata"]["BuildMethod"] for function in functions}, {"rust-cargolambda"})
        names = sorted(text(function["FunctionName"]) for function in self.functions.values())
        self.assertEqual(names, ["${AWS::StackName}-" + crate for crate in crates])
        # A member of the workspace: the target folder is shared, and no other crate's features get in.
        for function in functions:
            folder = "functions/" + function["Metadata"]["BuildProperties"]["Binary"]
            self.assertEqual(function["Properties"]["CodeUri"], folder)

    def test_each_function_stops_in_time(self):
        timeouts = {name: self.functions[name]["Timeout"] for name in FUNCTIONS}
        # WeChat waits 5 s; the sweeper comes every minute.
        self.assertEqual(timeouts, dict.fromkeys(CALLBACKS, 4) | {"SignApi": 15, "OutboxRelay": 60, "Sweeper": 55, "Worker": 30, "MerchantApi": 15, "BillReconciler": 900})

    def test_what_sends_ends_well_before_sqs_forgets_what_was_sent(self):
        for name in ("OutboxRelay", "Sweeper"):
            self.assertLess(self.functions[name]["Timeout"], DEDUPLICATION_WINDOW / 2)

    def test_each_function_has_memory_architecture_concurrency_and_an_alias(self):
        concurrency = {"OutboxRelay": 20, "Sweeper": 1, "Worker": 10, "MerchantApi": 20, "BillReconciler": 1}
        for name in FUNCTIONS:
            with self.subTest(name):
                function = self.functions[name]
                self.assertEqual(function["Runtime"], "provided.al2023")
                self.assertEqual(function["Handler"], "bootstrap")
                # The reconciler holds the bill of a day.
                self.assertEqual(function["MemorySize"], 1024 if name == "BillReconciler" else 256)
                self.assertEqual([text(one) for one in function["Architectures"]], ["Architecture"])
                expected = concurrency.get(name, {"Ref": "CallbackConcurrency"})
                self.assertEqual(function["ReservedConcurrentExecutions"], expected)
                self.assertEqual(DEPLOYED["Resources"][f"{name}Aliaslive"]["Properties"]["Name"], "live")
        self.assertEqual(TEMPLATE["Parameters"]["Architecture"]["Default"], "arm64")

    def test_each_function_logs_json_to_a_group_that_forgets(self):
        groups = of_type(DEPLOYED, "AWS::Logs::LogGroup")
        for name in FUNCTIONS:
            with self.subTest(name):
                logging = self.functions[name]["LoggingConfig"]
                self.assertEqual((logging["LogFormat"], logging["ApplicationLogLevel"]), ("JSON", "INFO"))
                self.assertEqual(text(logging["LogGroup"]), f"{name}Logs")
                self.assertEqual(groups[f"{name}Logs"]["RetentionInDays"], {"Ref": "LogRetentionDays"})
        self.assertEqual(sorted(groups), sorted(f"{name}Logs" for name in [*FUNCTIONS, *HELPERS]))
        self.assertEqual(TEMPLATE["Parameters"]["LogRetentionDays"]["Default"], 30)

    def test_each_function_gets_the_variables_that_setup_reads(self):
        sources = [*ROOT.glob("shared/setup/src/*.rs"), *ROOT.glob("shared/http-api/src/**/*.rs")]
        rust = "".join(path.read_text(encoding="utf-8") for path in sources)
        known = set(re.findall(r'"(PAPAY_[A-Z0-9_]+)"', rust))
        tables = {"PAPAY_TABLE_LEDGER", "PAPAY_TABLE_INBOX", "PAPAY_TABLE_OUTBOX"}
        callback = tables | {"PAPAY_MERCHANTS", "PAPAY_SECRET_PREFIX", "PAPAY_ROUTING"}
        public = callback | {"PAPAY_ORIGIN_SECRETS"}
        app = {"PAPAY_CATALOGUE", "PAPAY_URL_DEDUCTION", "PAPAY_URL_PAYMENT", "PAPAY_URL_CONTRACT", "PAPAY_ISSUERS",
               "PAPAY_CORS_ORIGINS", "PAPAY_SERVER_IP"}
        business = {"PAPAY_PRINCIPALS", "PAPAY_SERVER_IP", "PAPAY_REFUNDS_BY_V3", "PAPAY_CATALOGUE", "PAPAY_URL_DEDUCTION", "PAPAY_URL_CONTRACT", "PAPAY_URL_REFUND"}
        for name in FUNCTIONS:
            with self.subTest(name):
                variables = set(self.functions[name]["Environment"]["Variables"])
                expected = {"OutboxRelay": tables | {"PAPAY_QUEUES"}, "Sweeper": tables | {"PAPAY_QUEUES", "PAPAY_QUEUE_WORK", "PAPAY_MERCHANTS"},
                            "Worker": callback | {"PAPAY_QUEUE_WORK"}, "BillReconciler": callback, "SignApi": public | app,
                            "MerchantApi": callback | business,
                            }.get(name, public)
                self.assertEqual(variables, expected)
                self.assertLessEqual(variables, known)


    def test_the_catalogue_is_deployed_where_the_function_reads_it(self):
        [layer] = of_type(DEPLOYED, "AWS::Lambda::LayerVersion")
        self.assertEqual([text(one) for one in self.functions["SignApi"]["Layers"]], [layer])
        path = pathlib.PurePosixPath(self.functions["SignApi"]["Environment"]["Variables"]["PAPAY_CATALOGUE"])
        folder = ROOT / TEMPLATE["Resources"]["CatalogueLayer"]["Properties"]["ContentUri"]
        self.assertEqual((path.parent, (folder / path.name).is_file()), (pathlib.PurePosixPath("/opt"), True))


class Roles(unittest.TestCase):
    def logs(self, function):
        return {(action, f"{function}Logs.Arn") for action in ("logs:CreateLogStream", "logs:PutLogEvents")}

    def test_each_function_has_a_role_of_its_own(self):
        roles = {name: text(properties["Role"]) for name, properties in Functions.functions.items()}
        self.assertEqual(roles, {name: f"{name}Role.Arn" for name in FUNCTIONS})
        expected = sorted([*(f"{name}Role" for name in [*FUNCTIONS, *HELPERS]), "DeploymentRole"])
        self.assertEqual(sorted(of_type(DEPLOYED, "AWS::IAM::Role")), expected)
        for name, role in of_type(DEPLOYED, "AWS::IAM::Role").items():
            [trust] = role["AssumeRolePolicyDocument"]["Statement"]
            service = "codedeploy" if name == "DeploymentRole" else "lambda"
            self.assertEqual(trust["Principal"], {"Service": f"{service}.amazonaws.com"})

    def secret(self, purpose):
        name = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${SecretPrefix}*/" + purpose
        return {("secretsmanager:GetSecretValue", name + "-??????")}

    def certificates(self, action):
        """A secret that is not there yet has no characters after its name."""
        [(_, there)] = self.secret("certificates")
        return {(f"secretsmanager:{action}", name) for name in (there, there.removesuffix("-??????"))}

    def record(self):
        return self.secret("verify") | self.certificates("GetSecretValue") | {
            ("dynamodb:BatchGetItem", "LedgerTable.Arn"),
            ("dynamodb:UpdateItem", "LedgerTable.Arn"),
            ("dynamodb:BatchGetItem", "InboxTable.Arn"),
            ("dynamodb:PutItem", "InboxTable.Arn"),
            ("dynamodb:PutItem", "OutboxTable.Arn"),
        }

    def test_a_callback_reads_records_and_fetches_keys_that_verify(self):
        for function in CALLBACKS:
            with self.subTest(function):
                self.assertEqual(allowed(DEPLOYED, f"{function}Role"), self.logs(function) | self.record())

    def test_the_apps_function_signs_counts_and_knows_its_issuers(self):
        more = self.secret("sign") | {
            ("dynamodb:UpdateItem", "InboxTable.Arn"),
            ("secretsmanager:GetSecretValue",
             "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${SecretPrefix}issuers/*-??????"),
        }
        self.assertEqual(allowed(DEPLOYED, "SignApiRole"), self.logs("SignApi") | self.record() | more)

    def test_the_worker_takes_questions_signs_them_and_records_answers(self):
        work = {(f"sqs:{action}", "WorkQueue.Arn")
                for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "SendMessage")}
        keeps = self.certificates("CreateSecret") | self.certificates("PutSecretValue")
        expected = self.logs("Worker") | self.record() | self.secret("sign") | work | keeps
        self.assertEqual(allowed(DEPLOYED, "WorkerRole"), expected)

    def test_the_reconciler_finds_what_a_day_brought_signs_its_questions_and_records_answers(self):
        days = {("dynamodb:Query", "${LedgerTable.Arn}/index/by_day")}
        expected = self.logs("BillReconciler") | self.record() | self.secret("sign") | days
        self.assertEqual(allowed(DEPLOYED, "BillReconcilerRole"), expected)

    def test_the_merchants_api_signs_and_records(self):
        self.assertEqual(allowed(DEPLOYED, "MerchantApiRole"), self.logs("MerchantApi") | self.record() | self.secret("sign"))

    def drain(self):
        sends = {("sqs:SendMessage", f"{consumer}Queue.Arn") for consumer in CONSUMERS}
        return sends | {("dynamodb:GetItem", "OutboxTable.Arn"), ("dynamodb:Query", "OutboxTable.Arn"), ("dynamodb:UpdateItem", "OutboxTable.Arn")}

    def test_the_relay_reads_its_stream_and_drains(self):
        stream = {(f"dynamodb:{action}", "OutboxTable.StreamArn")
                  for action in ("DescribeStream", "GetRecords", "GetShardIterator")}
        stream |= {("dynamodb:ListStreams", "${OutboxTable.Arn}/stream/*")}
        stream |= {("s3:PutObject", "${RelayFailures.Arn}/*"), ("s3:ListBucket", "RelayFailures.Arn")}
        self.assertEqual(allowed(DEPLOYED, "OutboxRelayRole"), self.logs("OutboxRelay") | self.drain() | stream)

    def test_the_sweeper_finds_what_is_pending_and_due_drains_and_hands_over(self):
        indexes = {("dynamodb:Query", "${OutboxTable.Arn}/index/pending"), ("dynamodb:Query", "${LedgerTable.Arn}/index/due")}
        hand_over = {("sqs:SendMessage", "WorkQueue.Arn"), ("dynamodb:UpdateItem", "LedgerTable.Arn")}
        self.assertEqual(allowed(DEPLOYED, "SweeperRole"), self.logs("Sweeper") | self.drain() | indexes | hand_over)

    def test_no_arn_names_a_partition(self):
        text_of = (ROOT / "template.yaml").read_text(encoding="utf-8")
        # The pattern that a reader's ARN must match names all of them.
        self.assertNotIn("arn:aws", text_of.replace("(arn:aws[a-z-]*:iam:", ""))
        self.assertNotIn("amazonaws.com.cn", text_of)


class Tables(unittest.TestCase):
    tables = of_type(DEPLOYED, "AWS::DynamoDB::Table")

    def keys(self, schema):
        return [(part["AttributeName"], part["KeyType"]) for part in schema]

    def test_the_tables_have_these_keys_and_indexes(self):
        keys = {name: self.keys(table["KeySchema"]) for name, table in self.tables.items()}
        self.assertEqual(keys, {
            "LedgerTable": [("pk", "HASH")],
            "InboxTable": [("subject", "HASH"), ("entry", "RANGE")],
            "OutboxTable": [("stream", "HASH"), ("sequence", "RANGE")],
        })
        indexes = {(name, index["IndexName"]): self.keys(index["KeySchema"])
                   for name, table in self.tables.items() for index in table.get("GlobalSecondaryIndexes", [])}
        self.assertEqual(indexes, {
            ("LedgerTable", "due"): [("due_shard", "HASH"), ("due_at", "RANGE")],
            ("LedgerTable", "by_contract"): [("contract_key", "HASH"), ("pk", "RANGE")],
            ("LedgerTable", "by_day"): [("day_shard", "HASH"), ("pk", "RANGE")],
            ("OutboxTable", "pending"): [("pending_shard", "HASH"), ("pending_since", "RANGE")],
        })

    def test_the_local_stack_has_the_same_tables(self):
        rust = (ROOT / "cli/src/stack/tables.rs").read_text(encoding="utf-8")
        for name, table in self.tables.items():
            with self.subTest(name):
                types = {part["AttributeName"]: part["AttributeType"] for part in table["AttributeDefinitions"]}
                vec = lambda schema: "vec![" + ", ".join(f'("{key}", {types[key]})' for key, _ in self.keys(schema)) + "]"
                local = re.search(rf"let {name.removesuffix('Table').lower()} = Table {{(.*?)\n    }};", rust, re.DOTALL)[1]
                self.assertIn(f"keys: {vec(table['KeySchema'])},", local)
                indexes = table.get("GlobalSecondaryIndexes", [])
                for index in indexes:
                    self.assertIn(f'("{index["IndexName"]}", {vec(index["KeySchema"])})', local)
                self.assertEqual(local.count(", vec!["), len(indexes))
                self.assertIn(f"streamed: {str('StreamSpecification' in table).lower()},", local)
                self.assertIn('ttl: Some("ttl"),' if "TimeToLiveSpecification" in table else "ttl: None,", local)

    def test_numbers_are_numbers_and_everything_else_is_text(self):
        types = {part["AttributeName"]: part["AttributeType"]
                 for table in self.tables.values() for part in table["AttributeDefinitions"]}
        self.assertEqual({name for name, kind in types.items() if kind == "N"}, {"due_at", "sequence", "pending_since"})

    def test_the_tables_outlive_mistakes(self):
        for name, table in self.tables.items():
            with self.subTest(name):
                resource = DEPLOYED["Resources"][name]
                self.assertEqual((resource["DeletionPolicy"], resource["UpdateReplacePolicy"]), ("Retain", "Retain"))
                self.assertIs(table["DeletionProtectionEnabled"], True)
                self.assertEqual(table["PointInTimeRecoverySpecification"],
                                 {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 35})
                self.assertEqual(table["SSESpecification"], {"SSEEnabled": True})
                self.assertEqual(table["BillingMode"], "PAY_PER_REQUEST")

    def test_what_a_failed_first_deployment_made_is_not_left_behind_but_tables(self):
        kept = {name: r["DeletionPolicy"] for name, r in TEMPLATE["Resources"].items() if "DeletionPolicy" in r and name not in self.tables}
        self.assertEqual(set(kept.values()), {"RetainExceptOnCreate"})

    def test_journal_and_outbox_expire_and_the_ledger_does_not(self):
        ttl = {name: table.get("TimeToLiveSpecification") for name, table in self.tables.items()}
        expires = {"AttributeName": "ttl", "Enabled": True}
        self.assertEqual(ttl, {"LedgerTable": None, "InboxTable": expires, "OutboxTable": expires})

    def test_the_outbox_alone_has_a_stream_and_it_carries_keys(self):
        streams = {name: table.get("StreamSpecification") for name, table in self.tables.items()}
        expected = {"LedgerTable": None, "InboxTable": None, "OutboxTable": {"StreamViewType": "KEYS_ONLY"}}
        self.assertEqual(streams, expected)


class Queues(unittest.TestCase):
    queues = of_type(DEPLOYED, "AWS::SQS::Queue")

    def test_each_consumer_has_a_fifo_queue_with_a_dead_letter_queue_of_its_own(self):
        names = {name: text(queue["QueueName"]) for name, queue in self.queues.items()}
        expected = {}
        for consumer in CONSUMERS:
            expected[f"{consumer}Queue"] = "${AWS::StackName}-" + consumer.lower() + ".fifo"
            expected[f"{consumer}DeadLetterQueue"] = "${AWS::StackName}-" + consumer.lower() + "-dlq.fifo"
            redrive = self.queues[f"{consumer}Queue"]["RedrivePolicy"]
            self.assertEqual(text(redrive["deadLetterTargetArn"]), f"{consumer}DeadLetterQueue.Arn")
            self.assertEqual(redrive["maxReceiveCount"], 10)
        expected |= {"WorkQueue": "${AWS::StackName}-work", "WorkDeadLetterQueue": "${AWS::StackName}-work-dlq"}
        self.assertEqual(names, expected)

    def test_a_question_stays_with_the_worker_longer_than_it_runs_and_ends_as_a_dead_letter(self):
        work = self.queues["WorkQueue"]
        self.assertGreater(work["VisibilityTimeout"], Functions.functions["Worker"]["Timeout"])
        self.assertEqual(work["RedrivePolicy"]["maxReceiveCount"], 10)
        self.assertEqual(text(work["RedrivePolicy"]["deadLetterTargetArn"]), "WorkDeadLetterQueue.Arn")
        rust = (ROOT / "functions/sweeper/src/checks.rs").read_text(encoding="utf-8")
        lease = int(re.search(r"LEASE: Duration = Duration::from_secs\((\d+)\)", rust)[1])
        self.assertEqual(lease, 10 * work["VisibilityTimeout"])

    def test_the_queues_are_high_throughput_encrypted_and_keep_for_a_fortnight(self):
        for name, queue in self.queues.items():
            self.assertIs(queue["SqsManagedSseEnabled"], True)
            if name.startswith("Work"):
                continue
            with self.subTest(name):
                self.assertIs(queue["FifoQueue"], True)
                self.assertEqual(queue["DeduplicationScope"], "messageGroup")
                self.assertEqual(queue["FifoThroughputLimit"], "perMessageGroupId")
                self.assertEqual(queue["MessageRetentionPeriod"], 14 * 86_400)
                # The relay names the deduplication id itself; SQS must not make one from the body.
                self.assertNotIn("ContentBasedDeduplication", queue)

    def test_every_queue_refuses_plain_http(self):
        policies = of_type(DEPLOYED, "AWS::SQS::QueuePolicy").values()
        self.assertEqual(sorted(text(queue) for policy in policies for queue in policy["Queues"]), sorted(self.queues))
        for policy in policies:
            statement = policy["PolicyDocument"]["Statement"][0]
            self.assertEqual((statement["Effect"], statement["Principal"]), ("Deny", "*"))
            self.assertEqual(statement["Condition"], {"Bool": {"aws:SecureTransport": "false"}})

    def test_a_queue_grants_nothing_but_receiving_to_its_own_readers_of_another_account(self):
        for name, policy in of_type(DEPLOYED, "AWS::SQS::QueuePolicy").items():
            grants = policy["PolicyDocument"]["Statement"][1:]
            consumer = name.removesuffix("QueuePolicy")
            if consumer not in CONSUMERS:
                self.assertEqual(grants, [], name)
                continue
            [grant] = grants
            condition, statement, otherwise = grant["Fn::If"]
            self.assertEqual((condition, otherwise), (f"{consumer}IsReadElsewhere", {"Ref": "AWS::NoValue"}))
            self.assertEqual(statement["Principal"], {"AWS": {"Ref": f"{consumer}Readers"}})
            self.assertEqual(text(statement["Resource"]), f"{consumer}Queue.Arn")
            actions = {"ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes", "GetQueueUrl"}
            self.assertEqual(set(statement["Action"]), {f"sqs:{action}" for action in actions})

    def test_the_example_routing_names_the_consumers_that_have_a_queue(self):
        routes = json.loads(TEMPLATE["Parameters"]["Routing"]["Default"])
        consumers = sorted(consumer.lower() for consumer in CONSUMERS)
        self.assertEqual(sorted(route["consumer"] for route in routes), consumers)
        for name in ("OutboxRelay", "Sweeper"):
            queues = json.loads(text(Functions.functions[name]["Environment"]["Variables"]["PAPAY_QUEUES"]))
            self.assertEqual(queues, {consumer: "${" + consumer.capitalize() + "Queue}" for consumer in consumers})


class Sources(unittest.TestCase):
    def test_the_relay_hears_inserts_of_the_outbox_in_order_and_reports_what_failed(self):
        source = of_type(DEPLOYED, "AWS::Lambda::EventSourceMapping")["OutboxRelayOutbox"]
        self.assertEqual(text(source["EventSourceArn"]), "OutboxTable.StreamArn")
        self.assertEqual(text(source["FunctionName"]), "OutboxRelayAliaslive")
        self.assertEqual(source["StartingPosition"], "TRIM_HORIZON")
        self.assertEqual(source["FunctionResponseTypes"], ["ReportBatchItemFailures"])
        self.assertEqual(source["FilterCriteria"], {"Filters": [{"Pattern": '{"eventName": ["INSERT"]}'}]})
        self.assertIs(source["BisectBatchOnFunctionError"], True)
        failures = source["DestinationConfig"]["OnFailure"]["Destination"]
        self.assertEqual(text(failures), "RelayFailures.Arn")
        # Endless is the default: one bad record would block its shard for a day.
        self.assertEqual((source["MaximumRetryAttempts"], source["MaximumRecordAgeInSeconds"]), (10, 3600))

    def test_the_worker_hears_the_work_queue_and_reports_what_failed(self):
        source = of_type(DEPLOYED, "AWS::Lambda::EventSourceMapping")["WorkerWork"]
        self.assertEqual(text(source["EventSourceArn"]), "WorkQueue.Arn")
        self.assertEqual(text(source["FunctionName"]), "WorkerAliaslive")
        self.assertEqual(source["FunctionResponseTypes"], ["ReportBatchItemFailures"])
        self.assertEqual(source["BatchSize"], 10)
        self.assertLess(source["ScalingConfig"]["MaximumConcurrency"], Functions.functions["Worker"]["ReservedConcurrentExecutions"])

    def test_the_sweeper_runs_every_minute_and_never_piles_up(self):
        rule = of_type(DEPLOYED, "AWS::Events::Rule")["SweeperEveryMinute"]
        self.assertEqual(rule["ScheduleExpression"], "rate(1 minute)")
        self.assertEqual([text(target["Arn"]) for target in rule["Targets"]], ["SweeperAliaslive"])
        [invoke] = of_type(DEPLOYED, "AWS::Lambda::EventInvokeConfig").values()
        self.assertEqual((invoke["MaximumEventAgeInSeconds"], invoke["MaximumRetryAttempts"]), (60, 0))


    def test_bills_are_compared_when_wechat_has_made_them_and_once_more_as_on_a_laptop(self):
        rule = of_type(DEPLOYED, "AWS::Events::Rule")["BillReconcilerAfterTheBill"]
        minute, hours = re.fullmatch(r"cron\((\d+) ([\d,]+) \* \* \? \*\)", rule["ScheduleExpression"]).groups()
        times = [(int(hour), int(minute)) for hour in hours.split(",")]
        # Ten in the morning in Beijing is two in UTC.
        self.assertTrue(all((2, 0) < time for time in times) and len(times) == 2)
        self.assertEqual([text(target["Arn"]) for target in rule["Targets"]], ["BillReconcilerAliaslive"])
        rust = (ROOT / "cli/src/stack/functions.rs").read_text(encoding="utf-8")
        local = re.search(r"BILL_TIMES: \[\(u8, u8\); 2\] = \[(.*)\];", rust)[1]
        self.assertEqual(local, ", ".join(str(time) for time in times))


class Outputs(unittest.TestCase):
    def test_the_outputs_are_whole_callback_urls_of_the_first_merchant(self):
        urls = {}
        for name, output in DEPLOYED["Outputs"].items():
            if "NotifyUrl" in name:
                pattern, values = output["Value"]["Fn::Sub"]
                self.assertEqual(values["MchId"], {"Fn::Select": [0, {"Fn::Split": [",", {"Ref": "Merchants"}]}]})
                urls[name] = (pattern, text(values["Url"]))
        paths = {"deduction": "Deduction", "contract": "Contract", "payment": "Payment", "refund": "Refund"}
        url = lambda path: f"HasEdge ? https://${{EdgeDomain}}/{path}/ : {paths[path]}CallbackUrl.FunctionUrl"
        self.assertEqual(urls, {
            "DeductionNotifyUrlV2": ("${Url}v2/${MchId}", url("deduction")),
            "ContractNotifyUrlV2": ("${Url}v2/${MchId}", url("contract")),
            "ContractNotifyUrlV3": ("${Url}v3/${MchId}", url("contract")),
            "PaymentNotifyUrlV3": ("${Url}v3/${MchId}", url("payment")),
            "RefundNotifyUrlV3": ("${Url}v3/${MchId}", url("refund")),
            "RefundNotifyUrlV2": ("${Url}v2/${MchId}", url("refund")),
        })

    def test_what_functions_send_to_wechat_is_what_the_outputs_show(self):
        shown = {text(output["Value"]["Fn::Sub"][1]["Url"]).replace("/ :", " :")
                 for name, output in DEPLOYED["Outputs"].items() if "NotifyUrl" in name}
        for name, function in Functions.functions.items():
            for variable, value in function["Environment"]["Variables"].items():
                if variable.startswith("PAPAY_URL_"):
                    self.assertIn(text(value), shown, (name, variable))

    def test_every_queue_of_a_consumer_is_told(self):
        arns = {text(output["Value"]) for name, output in DEPLOYED["Outputs"].items() if name.endswith("QueueArn")}
        self.assertEqual(arns, {f"{consumer}Queue.Arn" for consumer in CONSUMERS})


if __name__ == "__main__":
    unittest.main()
