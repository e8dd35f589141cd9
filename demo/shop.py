"""The demo's application: one page that reads the database, and a health check.

shop.py CONFIG serves on the port that CONFIG names until it is killed. Standard library and psycopg2 only.
"""
import configparser
import html
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2

config = configparser.ConfigParser()
with open(sys.argv[1], encoding="utf-8") as file:
    config.read_file(file)
database = dict(config["database"])


def ask(statement):
    connection = psycopg2.connect(connect_timeout=3, **database)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()
    finally:
        connection.close()


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            count, newest = ask("select count(*), max(placed) from orders")
        except psycopg2.Error as error:
            return self.answer(503, f"database: {error}")
        if self.path == "/health":
            return self.answer(200, "ok")
        title = html.escape(config["shop"]["name"])
        self.answer(200, f"<h1>{title}</h1><p>{count} orders, the newest of {newest}</p>")

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(config["shop"]["port"])), Page).serve_forever()
