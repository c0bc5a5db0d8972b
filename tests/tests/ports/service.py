# A service as agents write them: HTTP with everything that a proxy can get wrong, and two protocols that begin as HTTP.
# Usage: service.py PORT [CERTIFICATE]
import base64
import hashlib
import http.server
import json
import ssl
import struct
import sys
import time

BLOCK = b"0123456789abcdef" * 4096


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def told(self):
        pairs = [[name.lower(), value] for name, value in self.headers.items()]
        return {"method": self.command, "path": self.path, "headers": pairs, "port": self.server.server_port}

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/redirect":
            return self.answer(b"", 302, Location="/elsewhere")
        if path == "/missing":
            return self.answer(b"the service's own page", 404, X_Own="yes")
        if path == "/cookie":
            return self.answer(b"", Set_Cookie="a=1; Domain=ports.localhost; Path=/")
        if path == "/download":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for _ in range(int(query)):
                self.chunk(BLOCK)
            return self.chunk(b"")
        if path == "/events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            number = 0
            while True:
                self.chunk(b"data: %d\n\n" % number)
                number += 1
                time.sleep(0.05)
        if self.headers.get("Upgrade") == "websocket":
            return self.web_socket()
        if self.headers.get("Upgrade") == "shout":
            return self.shout()
        self.answer(json.dumps(self.told()).encode(), Content_Type="application/json")

    do_HEAD = do_DELETE = do_OPTIONS = do_GET

    def do_POST(self):
        digest, length = hashlib.sha256(), 0
        for part in self.parts():
            digest.update(part)
            length += len(part)
        self.answer(json.dumps({**self.told(), "length": length, "sha256": digest.hexdigest()}).encode())

    def parts(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            while True:
                size = int(self.rfile.readline(), 16)
                data = self.rfile.read(size + 2)[:-2]
                if not size:
                    return
                yield data
        left = int(self.headers.get("Content-Length", 0))
        while left:
            data = self.rfile.read(min(left, 65536))
            left -= len(data)
            yield data

    # A protocol of its own: each line comes back in capitals.
    def shout(self):
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "shout")
        self.end_headers()
        for line in self.rfile:
            self.wfile.write(line.upper())
        self.close_connection = True

    # Messages of up to 65,535 bytes come back as they were.
    def web_socket(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "websocket")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.close_connection = True
        while True:
            first, second = self.rfile.read(2)
            length = second & 127
            if length == 126:
                (length,) = struct.unpack(">H", self.rfile.read(2))
            mask, data = self.rfile.read(4), self.rfile.read(length)
            data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
            size = bytes([length]) if length < 126 else b"\x7e" + struct.pack(">H", length)
            self.wfile.write(bytes([first]) + size + data)
            if first & 15 == 8:
                return

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
server.daemon_threads = True
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
