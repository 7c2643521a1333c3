"""The distribution in front of the public functions: what it lets through, and where to."""

import json
import re
import subprocess
import unittest

from samcli.yamlhelper import yaml_parse

from test_template import DEPLOYED, PUBLIC
from translated import ROOT, of_type, text

EDGE = yaml_parse((ROOT / "edge.yaml").read_text(encoding="utf-8"))
[DISTRIBUTION] = [one["DistributionConfig"] for one in of_type(EDGE, "AWS::CloudFront::Distribution").values()]
PATHS = {"DeductionCallback": "deduction", "ContractCallback": "contract", "PaymentCallback": "payment",
         "RefundCallback": "refund", "SignApi": "app"}


def rewritten(*requests):
    """What the function at the edge makes of requests: by node, which reads the same language."""
    [function] = of_type(EDGE, "AWS::CloudFront::Function").values()
    program = function["FunctionCode"] + f"""
        const requests = {json.dumps(requests)};
        console.log(JSON.stringify(requests.map(request => handler({{ request, viewer: {{ ip: '203.0.113.9' }} }}))));
    """
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


class Edge(unittest.TestCase):
    def test_each_public_function_is_an_origin_and_has_the_path_that_the_outputs_show(self):
        self.assertEqual(sorted(PATHS), sorted(PUBLIC))
        origins = {origin["Id"]: origin for origin in DISTRIBUTION["Origins"]}
        behaviors = {behavior["PathPattern"]: behavior["TargetOriginId"] for behavior in DISTRIBUTION["CacheBehaviors"]}
        self.assertEqual(behaviors, {f"/{path}/*": path for path in PATHS.values()})
        shown = json.dumps(DEPLOYED["Outputs"])
        for function, path in PATHS.items():
            self.assertEqual(text(origins[path]["DomainName"]), f"{function}Host")
            self.assertIn(f"https://${{EdgeDomain}}/{path}/", shown)
            self.assertIn(f"{function}Host", DEPLOYED["Outputs"])

    def test_every_origin_is_called_over_tls_and_with_the_secret(self):
        for origin in DISTRIBUTION["Origins"]:
            self.assertEqual(origin["CustomOriginConfig"]["OriginProtocolPolicy"], "https-only")
            [header] = origin["OriginCustomHeaders"]
            self.assertEqual((header["HeaderName"], header["HeaderValue"]), ("x-origin-verify", {"Ref": "OriginSecret"}))

    def test_nothing_is_cached_and_the_host_is_the_functions_own(self):
        for behavior in [DISTRIBUTION["DefaultCacheBehavior"], *DISTRIBUTION["CacheBehaviors"]]:
            # AWS's policies CachingDisabled and AllViewerExceptHostHeader.
            self.assertEqual(behavior["CachePolicyId"], "4135ea2d-6df8-44a3-9df3-4b5a84be39ad")
            self.assertEqual(behavior["OriginRequestPolicyId"], "b689b0a8-53d0-40ab-baf2-68738e2966ac")
            self.assertEqual(behavior["ViewerProtocolPolicy"], "https-only")
            self.assertIn("POST", behavior["AllowedMethods"])
            self.assertEqual([one["EventType"] for one in behavior["FunctionAssociations"]], ["viewer-request"])

    def test_no_error_is_kept_for_the_next_who_asks(self):
        # What CloudFront keeps for ten seconds unless it is told otherwise, CachingDisabled or not ("How CloudFront caches HTTP 4xx and 5xx
        # status codes from your origin"), and can be told of.
        kept = {400, 403, 404, 405, 414, 500, 501, 502, 503, 504}
        told = {one["ErrorCode"]: one["ErrorCachingMinTTL"] for one in DISTRIBUTION["CustomErrorResponses"]}
        self.assertEqual(told, dict.fromkeys(kept, 0))
        # The answer stays the function's own.
        self.assertEqual({key for one in DISTRIBUTION["CustomErrorResponses"] for key in one}, {"ErrorCode", "ErrorCachingMinTTL"})

    def test_the_first_part_of_the_path_is_taken_off_and_the_users_address_is_what_cloudfront_saw(self):
        forged = {"x-viewer-address": {"value": "198.51.100.1"}}
        for request in rewritten(*({"uri": f"/{path}/v2/10000100", "headers": forged} for path in PATHS.values())):
            self.assertEqual(request["uri"], "/v2/10000100")
            self.assertEqual(request["headers"]["x-viewer-address"], {"value": "203.0.113.9"})

    def test_any_other_path_is_not_found(self):
        others = ["/", "/v2/10000100", "/deduction", "/deduction/", "/merchant/v1/10000100", "/Deduction/v2/10000100"]
        answers = rewritten(*({"uri": uri, "headers": {}} for uri in others))
        self.assertEqual([answer["statusCode"] for answer in answers], [404] * len(others))

    def test_the_functions_read_the_headers_that_the_distribution_writes(self):
        rust = (ROOT / "shared/setup/src/origin.rs").read_text(encoding="utf-8")
        self.assertEqual(re.search(r'ORIGIN_HEADER: &str = "([a-z-]+)"', rust)[1], "x-origin-verify")
        self.assertEqual(re.search(r'VIEWER_HEADER: &str = "([a-z-]+)"', rust)[1], "x-viewer-address")

    def test_only_wechats_addresses_may_call_a_callback_once_others_are_blocked(self):
        [acl] = of_type(EDGE, "AWS::WAFv2::WebACL").values()
        rule = acl["Rules"][0]
        self.assertEqual(rule["Action"], {"Fn::If": ["BlocksOtherAddresses", {"Block": {}}, {"Count": {}}]})
        self.assertEqual(EDGE["Parameters"]["OtherAddresses"]["Default"], "Count")
        not_app, not_wechat = [one["NotStatement"]["Statement"] for one in rule["Statement"]["AndStatement"]["Statements"]]
        self.assertEqual(not_app["ByteMatchStatement"]["SearchString"], "/app/")
        self.assertEqual(text(not_wechat["IPSetReferenceStatement"]["Arn"]), "Wechat.Arn")

    def test_users_who_share_an_address_are_refused_only_once_somebody_has_decided_so(self):
        [acl] = of_type(EDGE, "AWS::WAFv2::WebACL").values()
        [rule] = [rule for rule in acl["Rules"] if "RateBasedStatement" in rule["Statement"]]
        self.assertEqual(rule["Action"], {"Fn::If": ["BlocksAboveAppRate", {"Block": {"CustomResponse": {"ResponseCode": 429}}}, {"Count": {}}]})
        self.assertEqual(EDGE["Conditions"]["BlocksAboveAppRate"], {"Fn::Equals": [{"Ref": "AboveAppRate"}, "Block"]})
        self.assertEqual(EDGE["Parameters"]["AboveAppRate"]["Default"], "Count")
        # Forty who wait for their payment at one address, each asking every two seconds.
        self.assertGreaterEqual(EDGE["Parameters"]["AppRateLimit"]["Default"], 40 * 300 / 2)


if __name__ == "__main__":
    unittest.main()
