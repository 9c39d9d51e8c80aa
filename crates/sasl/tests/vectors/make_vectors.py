"""Writes msk_iam.txt and scram.txt beside itself: what other implementations calculate.

    python3 -m venv target/venv && target/venv/bin/pip install botocore
    target/venv/bin/python crates/sasl/tests/vectors/make_vectors.py

AWS_MSK_IAM's requests are signed by botocore, SCRAM's exchanges calculated by Python's hashlib and hmac.
"""

import base64
import datetime
import hashlib
import hmac
import pathlib
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

import botocore
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

HERE = pathlib.Path(__file__).parent
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzEJr//////////wEaDKz+8=" + "aB3/+" * 40 + "=="

# access key id, secret access key, session token, host, region, seconds since 1970
REQUESTS = [
    ("AKIDEXAMPLE", SECRET, None, "b-1.orders.abc123.c2.kafka.us-east-1.amazonaws.com", "us-east-1", 1603324800),
    ("AKIDEXAMPLE", SECRET, None, "b-1.orders.abc123.c2.kafka.us-east-1.amazonaws.com", "us-east-1", 1603324801),
    ("ASIAEXAMPLE", SECRET, TOKEN, "b-2.orders.abc123.c2.kafka.eu-central-1.amazonaws.com", "eu-central-1", 1709251199),
    ("ASIAEXAMPLE", SECRET, TOKEN, "boot-x.c1.kafka-serverless.ap-southeast-2.amazonaws.com", "ap-southeast-2", 1709164800),
    ("AKID", "x", "~-_.!*'();:@&=+$,/?#[]", "B-3.Upper.kafka.cn-north-1.amazonaws.com.cn", "cn-north-1", 4102444799),
    ("AKID" + "X" * 120, "y" * 200, "z" * 2000, "h", "r", 0),
]

# hash, user name, password, client's nonce, server's part of the nonce, salt, iterations
EXCHANGES = [
    ("sha256", "user", "pencil", "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "W22ZaJ0SNY7soEsUEjb6gQ==", 4096),
    ("sha512", "user", "pencil", "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "W22ZaJ0SNY7soEsUEjb6gQ==", 4096),
    ("sha256", "a=b,c", "p=q,r", "0123456789abcdef", "x", "AA==", 4097),
    ("sha512", "größe-\u2168", "p\u00e4ss\u00ad\U0001f680 ", "=/+!~0123456789abc", "=" * 40, "/+8=", 16384),
    ("sha256", "long", "p" * 300, "n" * 200, "m" * 200, base64.b64encode(bytes(range(256))).decode(), 8192),
    ("sha512", "long", "p" * 300, "n" * 200, "m" * 200, base64.b64encode(bytes(range(256)) * 4).decode(), 4096),
]


def signed(key, secret, token, host, region, seconds):
    """The parameters of a request presigned as AWS's own clients of MSK have it."""
    request = AWSRequest(method="GET", url=f"https://{host}/", params={"Action": "kafka-cluster:Connect"})
    auth = botocore.auth.SigV4QueryAuth(Credentials(key, secret, token), "kafka-cluster", region, expires=900)
    now = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    with mock.patch("botocore.auth.get_current_datetime", lambda *_: now):
        auth.add_auth(request)
    return dict(parse_qsl(urlsplit(request.url).query, strict_parsing=True))


def msk_iam():
    yield f"# By botocore {botocore.__version__}: make_vectors.py"
    yield "# key id, secret, session token, host, region, seconds, then the payload's date, credential, expiry and signature"
    for row in REQUESTS:
        query = signed(*row)
        assert query.pop("Action") == "kafka-cluster:Connect"
        assert query.pop("X-Amz-Algorithm") == "AWS4-HMAC-SHA256"
        assert query.pop("X-Amz-SignedHeaders") == "host"
        assert query.pop("X-Amz-Security-Token", None) == row[2]
        names = ["X-Amz-Date", "X-Amz-Credential", "X-Amz-Expires", "X-Amz-Signature"]
        assert sorted(query) == sorted(names)
        yield "\t".join([str(field or "-") if field != 0 else "0" for field in row] + [query[name] for name in names])


def scram():
    yield "# By Python's hashlib and hmac: make_vectors.py"
    yield "# hash, user name, password, client's nonce, the four messages that follow"
    for name, user, password, nonce, more, salt, iterations in EXCHANGES:
        def keyed(key, text):
            return hmac.new(key, text, name).digest()

        bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={nonce}"
        first = f"r={nonce}{more},s={salt},i={iterations}"
        without_proof = f"c=biws,r={nonce}{more}"
        exchange = f"{bare},{first},{without_proof}".encode()
        salted = hashlib.pbkdf2_hmac(name, password.encode(), base64.b64decode(salt), iterations)
        client_key = keyed(salted, b"Client Key")
        mask = keyed(hashlib.new(name, client_key).digest(), exchange)
        proof = bytes(a ^ b for a, b in zip(client_key, mask))
        signature = keyed(keyed(salted, b"Server Key"), exchange)
        messages = [
            f"n,,{bare}",
            first,
            f"{without_proof},p={base64.b64encode(proof).decode()}",
            f"v={base64.b64encode(signature).decode()}",
        ]
        yield "\t".join([name, user, password, nonce, *messages])


for name, lines in [("msk_iam.txt", msk_iam()), ("scram.txt", scram())]:
    (HERE / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
