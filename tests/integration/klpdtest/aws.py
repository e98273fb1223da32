# SPDX-License-Identifier: Apache-2.0
"""AWS Systems Manager, S3 and the instance metadata service on loopback, as strict as AWS says they are.

What a request may contain is taken from AWS's own service model (botocore), and its signature is computed
again by botocore from the bytes that came. The answers have the shapes that the model gives errors.
"""
import datetime
import email.utils
import http.server
import json
import re
import threading
import time
import urllib.parse
from xml.sax.saxutils import escape

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.session
import botocore.validate

NODE, REGION = "i-0123456789abcdef0", "eu-central-1"
ROLE = "arn-aws-klpd-role"
SKEW_MAX = 300  # seconds that a signature may be off
ITEM_BYTES_MAX = TOTAL_BYTES_MAX = 1024 * 1024
MODEL = botocore.session.get_session().get_service_model("ssm")


class Refused(Exception):
    """An answer that is no success. cut: none at all."""

    def __init__(self, name, status=400, message="", cut=False):
        super().__init__(name)
        self.name, self.status, self.message, self.cut = name, status, message or f"because of {name}", cut


CUT = Refused("cut", cut=True)
BUSY = Refused("ThrottlingException", message="Rate exceeded")
DOWN = Refused("InternalServerError", 500)


class Keys:
    """A pair of keys with its token. until: when AWS no longer takes them."""

    def __init__(self, name, until=None):
        self.name, self.until = f"AKIA{name.upper()}EXAMPLE", until
        self.secret, self.token = f"secret/{name}+of=them", f"token/{name}//=="

    def as_environment(self):
        return {"AWS_ACCESS_KEY_ID": self.name, "AWS_SECRET_ACCESS_KEY": self.secret, "AWS_SESSION_TOKEN": self.token}


# ---- what botocore's own validation leaves to the service ---------------------------------------

def check_limits(shape, value, where=""):
    """Lengths, patterns and enumerations, which the model has and the SDK does not look at."""
    meta = shape.metadata
    if shape.type_name == "structure":
        for name, member in value.items():
            check_limits(shape.members[name], member, f"{where}.{name}")
    elif shape.type_name == "list":
        assert meta.get("min", 0) <= len(value) <= meta.get("max", len(value)), f"{where}: {len(value)} items"
        for i, item in enumerate(value):
            check_limits(shape.member, item, f"{where}[{i}]")
    elif shape.type_name == "map":
        assert len(value) <= meta.get("max", len(value)), f"{where}: {len(value)} entries"
        for name, item in value.items():
            check_limits(shape.key, name, f"{where}.{name}")
            check_limits(shape.value, item, f"{where}.{name}")
    elif shape.type_name == "string":
        assert meta.get("min", 0) <= len(value) <= meta.get("max", len(value)), f"{where}: {len(value)} characters"
        assert not meta.get("pattern") or re.search(meta["pattern"], value), f"{where}: {value!r}"
        assert not shape.enum or value in shape.enum, f"{where}: {value!r}"


def check_request(action, body):
    shape = MODEL.operation_model(action).input_shape
    report = botocore.validate.ParamValidator().validate(body, shape)
    unknown = set(body) - set(shape.members)
    assert not report.has_errors() and not unknown, f"{action}: {report.generate_report()} {unknown}"
    check_limits(shape, body)


# ---- signatures ---------------------------------------------------------------------------------

SIGNERS = {"ssm": botocore.auth.SigV4Auth, "s3": botocore.auth.S3SigV4Auth}
SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
                    r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})")


def check_signature(aws, method, url, headers, body):
    """Whose keys; and that botocore would have signed the same bytes the same way."""
    match = SIGNED.fullmatch(headers.get("authorization", ""))
    if not match:
        raise Refused("MissingAuthenticationTokenException")
    name, day, region, service, names, signature = match.groups()
    keys = aws.keys.get(name)
    if not keys or headers.get("x-amz-security-token") != keys.token:
        raise Refused("UnrecognizedClientException" if service == "ssm" else "InvalidAccessKeyId",
                      message=f"The security token {headers.get('x-amz-security-token')} is invalid")
    when = datetime.datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    if abs(when.timestamp() - aws.now()) > SKEW_MAX:
        raise Refused("InvalidSignatureException", message=f"Signature expired: {headers['x-amz-date']} is now too old")
    if keys.until is not None and aws.now() >= keys.until:
        raise Refused("ExpiredTokenException" if service == "ssm" else "ExpiredToken",
                      message=f"The token {keys.token} has expired")
    assert service in SIGNERS and day == headers["x-amz-date"][:8], service
    required = {"host", "x-amz-date", "x-amz-security-token"} | ({"x-amz-target"} if service == "ssm" else set())
    assert required <= set(names.split(";")), names
    request = botocore.awsrequest.AWSRequest(method=method, url=url, data=body)
    for header in names.split(";"):
        request.headers[header] = headers[header]
    request.context["timestamp"] = headers["x-amz-date"]
    signer = SIGNERS[service](botocore.credentials.Credentials(name, keys.secret, keys.token), service, region)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    if signer.signature(text, request) != signature:
        raise Refused("InvalidSignatureException", 403, f"The canonical string should have been {text}")
    if region != aws.region:
        raise Refused("PermanentRedirect", 301)
    return keys


# ---- the services -------------------------------------------------------------------------------

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(self.server.owner.now() if timestamp is None else timestamp, usegmt=True)

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Connection": "close", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def answer(self, serve, refuse):
        aws = self.server.owner
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        try:
            serve(aws, headers, body)
        except Refused as refusal:
            self.close_connection = True
            if not refusal.cut:
                refuse(aws, refusal)
        except Exception as wrong:  # pylint: disable=broad-except
            aws.complaints.append(f"{self.command} {self.path}: {wrong!r}")
            self.reply(400, b"{}")

    def do_POST(self):  # pylint: disable=invalid-name
        self.answer(self.serve_ssm, lambda _, why: self.reply(
            why.status, json.dumps({"__type": f"com.amazonaws.ssm#{why.name}", "message": why.message}).encode()))

    def do_PUT(self):  # pylint: disable=invalid-name
        self.answer(self.serve_metadata, lambda _, why: self.reply(why.status))

    def do_GET(self):  # pylint: disable=invalid-name
        if self.path.startswith("/latest/"):
            self.answer(self.serve_metadata, lambda _, why: self.reply(why.status))
        else:
            self.answer(self.serve_s3, self.refuse_s3)

    def refuse_s3(self, aws, why):
        text = f"<?xml version='1.0'?><Error><Code>{why.name}</Code><Message>{escape(why.message)}</Message></Error>"
        self.reply(why.status, text.encode(), x_amz_bucket_region=aws.region)

    def serve_ssm(self, aws, headers, body):
        action = headers["x-amz-target"].removeprefix("AmazonSSM.")
        aws.calls.append(action)
        aws.fail_if_told(action)
        assert headers["content-type"] == "application/x-amz-json-1.1", headers["content-type"]
        check_signature(aws, "POST", f"http://{headers['host']}{self.path}", headers, body)
        request = json.loads(body)
        check_request(action, request)
        if len(body) > TOTAL_BYTES_MAX:
            raise Refused("TotalSizeLimitExceededException")
        aws.requests.append((action, request))
        self.reply(200, json.dumps(getattr(aws, action)(request)).encode())

    def serve_s3(self, aws, headers, body):
        path, _, query = self.path.partition("?")
        aws.calls.append(f"GET {path}")
        aws.fail_if_told("GET")
        if not query:  # else it is presigned, and nothing else may be signed
            check_signature(aws, "GET", f"http://{headers['host']}{self.path}", headers, body)
        else:
            assert "authorization" not in headers and "x-amz-security-token" not in headers, "keys for a stranger"
        data = aws.objects.get(urllib.parse.unquote(path))
        if data is None:
            raise Refused("NoSuchKey", 404)
        self.reply(200, data)

    def serve_metadata(self, aws, headers, _):
        if aws.metadata is None:
            raise Refused("disabled", 403)
        if self.command == "PUT":
            assert self.path == "/latest/api/token" and 1 <= int(headers["x-aws-ec2-metadata-token-ttl-seconds"]) <= 21600
            assert "x-forwarded-for" not in headers
            aws.session = f"session-{time.monotonic_ns()}"
            self.reply(200, aws.session.encode())
            return
        if headers.get("x-aws-ec2-metadata-token") != aws.session:
            raise Refused("no session", 401)
        aws.calls.append(self.path)
        if self.path not in aws.metadata:
            raise Refused("nothing there", 404)
        text = aws.metadata[self.path]
        self.reply(200, (text() if callable(text) else text).encode())


class Aws:
    """All three behind one port of 127.0.0.1. Use `with`."""

    def __init__(self):
        self.region = REGION
        self.ahead = 0           # seconds that AWS's clock is ahead of ours
        self.keys = {}           # by their names
        self.refusals = []       # [action, Refused]: what the next calls get, in order
        self.calls = []          # actions and paths, whatever came of them
        self.requests = []       # (action, request) that were well-formed
        self.complaints = []     # what AWS would never have seen of its own SDK
        self.compliance, self.inventory = {}, {}
        self.objects = {}        # "/bucket/key": bytes
        self.snapshot_url = None
        self.session, self.metadata = None, None
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.owner = self
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.http.shutdown()
        self.http.server_close()

    def now(self):
        return time.time() + self.ahead

    def accept(self, name, until=None):
        keys = Keys(name, until)
        self.keys[keys.name] = keys
        return keys

    def fail(self, action, *refusals):
        """The next calls of `action` end like that."""
        self.refusals += [[action, refusal] for refusal in refusals]

    def fail_if_told(self, action):
        for i, (which, refusal) in enumerate(self.refusals):
            if which == action:
                del self.refusals[i]
                raise refusal

    def be_ec2(self, keys, node=NODE):
        """The metadata service of an instance with a role. keys: or a function that gives them."""
        def role():
            current = keys() if callable(keys) else keys
            return json.dumps({"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": current.name,
                               "SecretAccessKey": current.secret, "Token": current.token})
        folder = "/latest/meta-data/iam/security-credentials/"
        self.metadata = {"/latest/meta-data/instance-id": node, "/latest/meta-data/placement/region": self.region,
                         folder: ROLE, folder + ROLE: role}

    # ---- the actions of Systems Manager ---------------------------------------------------------

    def PutComplianceItems(self, request):  # pylint: disable=invalid-name
        assert request["ResourceType"] == "ManagedInstance"
        if request["ResourceId"] != NODE:
            raise Refused("InvalidResourceId")
        self.compliance[request["ComplianceType"]] = request["Items"]
        return {}

    def PutInventory(self, request):  # pylint: disable=invalid-name
        """Whole items replace what was there; one without content stands for what is there."""
        if request["InstanceId"] != NODE:
            raise Refused("InvalidInstanceId")
        for item in request["Items"]:
            known = self.inventory.get(item["TypeName"])
            if "Content" not in item and (not known or known["ContentHash"] != item["ContentHash"]):
                raise Refused("ItemContentMismatchException")
            if len(json.dumps(item)) > ITEM_BYTES_MAX:
                raise Refused("ItemSizeLimitExceededException")
        for item in request["Items"]:
            self.inventory[item["TypeName"]] = {**self.inventory.get(item["TypeName"], {}), **item}
        return {}

    def GetDeployablePatchSnapshotForInstance(self, request):  # pylint: disable=invalid-name
        if request["InstanceId"] != NODE:
            raise Refused("InvalidInstanceId")
        return {"InstanceId": NODE, "SnapshotId": request["SnapshotId"], "Product": "AmazonLinux2",
                "SnapshotDownloadUrl": self.snapshot_url}
