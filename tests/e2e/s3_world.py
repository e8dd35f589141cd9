"""A world whose repository lies in a bucket of a real S3 store: Ceph's gateway, started once for the program."""

import atexit
import datetime
import hashlib
import hmac
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request

from harness import World

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "s3" / "rgw.sh"


class Gateway:
    """The store; None of it if this system has no Ceph."""

    started = None

    @classmethod
    def instance(cls):
        if cls.started is None:
            cls.started = cls()
        return cls.started

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="reprieve-rgw.")
        self.reason = ""
        self.buckets = 0
        atexit.register(self._stop)
        done = subprocess.run([SCRIPT, "start", self.dir], capture_output=True, text=True, check=False, timeout=300,
                              stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            self.reason = "Ceph RGW is not available here: " + done.stderr.strip()
            return
        self.endpoint, self.access_key, self.secret_key = done.stdout.split()
        self.port = int(self.endpoint.rsplit(":", 1)[1])

    def _stop(self):
        subprocess.run([SCRIPT, "stop", self.dir], capture_output=True, check=False, timeout=60)
        shutil.rmtree(self.dir, ignore_errors=True)

    def request(self, method, path, query=(), body=b"", headers=None):
        """A request signed by an implementation other than the one under test; the answer's body."""
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{now[:8]}/default/s3/aws4_request"
        host = self.endpoint.split("//")[1]
        quoted = urllib.parse.urlencode(sorted(query), quote_via=urllib.parse.quote, safe="-_.~")
        digest = hashlib.sha256(body).hexdigest()
        headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": now} | (headers or {})
        names = ";".join(sorted(headers))
        canonical = "\n".join([method, urllib.parse.quote(path, safe="/-_.~"), quoted,
                               *(f"{name}:{headers[name]}" for name in sorted(headers)), "", names, digest])
        to_sign = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + self.secret_key).encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
        headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}, SignedHeaders={names}, "
                                    f"Signature={signature}")
        url = self.endpoint + urllib.parse.quote(path, safe="/-_.~") + ("?" + quoted if quoted else "")
        asked = urllib.request.Request(url, data=body or None, method=method, headers=headers)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.read()


class S3World(World):
    """`self.repo` is the URL of a prefix in a bucket of its own."""

    def setUp(self):
        super().setUp()
        self.gateway = Gateway.instance()
        if self.gateway.reason:
            raise unittest.SkipTest(self.gateway.reason)
        self.gateway.buckets += 1
        self.bucket = f"bucket-{self.gateway.buckets}"
        self.gateway.request("PUT", f"/{self.bucket}")
        self.repo = self.url()
        self.env |= {"REPRIEVE_REPO": self.repo, "AWS_ACCESS_KEY_ID": self.gateway.access_key,
                     "AWS_SECRET_ACCESS_KEY": self.gateway.secret_key}

    def url(self, port=None, **parameters):
        endpoint = f"http://127.0.0.1:{port or self.gateway.port}"
        extra = "".join(f"&{name}={value}" for name, value in parameters.items())
        return f"s3://{self.bucket}/deep/repo?endpoint={endpoint}&region=default{extra}"

    def keys(self, prefix="deep/repo/"):
        """All names in the bucket below `prefix`, by pages."""
        found, token = [], []
        while True:
            page = self.gateway.request("GET", f"/{self.bucket}",
                                        [("list-type", "2"), ("prefix", prefix), *token]).decode()
            found += re.findall("<Key>([^<]*)</Key>", page)
            following = re.search("<NextContinuationToken>([^<]*)<", page)
            if not following:
                return found
            token = [("continuation-token", following.group(1))]

    def object(self, key):
        return self.gateway.request("GET", f"/{self.bucket}/{key}")

    def put_object(self, key, body):
        self.gateway.request("PUT", f"/{self.bucket}/{key}", body=body)
