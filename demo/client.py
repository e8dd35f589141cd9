"""The demo's load: places orders as fast as the database acknowledges them, and logs what was acknowledged.

client.py CONFIG LOG NUMBER runs until the database is gone or it is killed. A line of LOG is the RFC 3339 time of an
acknowledged commit and the order's number: exactly what must not be lost.
"""
import configparser
import datetime
import sys

import psycopg2

config = configparser.ConfigParser()
with open(sys.argv[1], encoding="utf-8") as file:
    config.read_file(file)
client = int(sys.argv[3])

connection = psycopg2.connect(**dict(config["database"]))
connection.autocommit = True
with open(sys.argv[2], "a", buffering=1, encoding="ascii") as log, connection.cursor() as cursor:
    try:
        while True:
            cursor.execute("insert into orders (client, note) values (%s, repeat(md5(random()::text), 8)) returning id",
                           (client,))
            (order,) = cursor.fetchone()
            now = datetime.datetime.now(datetime.timezone.utc)
            log.write(f"{now.strftime('%Y-%m-%dT%H:%M:%S.%f')}Z {order}\n")
    except psycopg2.Error:
        sys.exit(0)  # The disaster: what was acknowledged is in the log.
