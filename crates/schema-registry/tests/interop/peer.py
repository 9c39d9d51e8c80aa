"""Confluent's client at the other end: reads requests, a JSON object a line, and answers each with one.

{"op": "write", "format": "avro", "topic": "t", "framing": "classic", "schema": "…", "references": […], "value": …} -> {"bytes": hex, "header": hex or null}
{"op": "read", "format": "avro", "topic": "t", "bytes": hex, "header": hex or null, "schema": reader's or null} -> {"value": …}

Protocol Buffers take "files", file descriptors in base64 with those that are imported first, and "message" instead of the schema. Values that JSON lacks are objects with a single
entry: {"$bytes": hex}, {"$decimal": text}, {"$uuid": text}, {"$date": text}, {"$time": text}, {"$timestamp": text}.
"""

import base64
import datetime
import decimal
import json
import sys
import uuid

from confluent_kafka.schema_registry import (
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    header_schema_id_serializer,
    prefix_schema_id_serializer,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

registry = SchemaRegistryClient({"url": sys.argv[1]})
HEADER = "__value_schema_id"


def to_json(value):
    if isinstance(value, dict):
        return {key: to_json(of) for key, of in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(of) for of in value]
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, decimal.Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, uuid.UUID):
        return {"$uuid": str(value)}
    if isinstance(value, datetime.datetime):
        return {"$timestamp": value.isoformat()}
    if isinstance(value, datetime.date):
        return {"$date": value.isoformat()}
    if isinstance(value, datetime.time):
        return {"$time": value.isoformat()}
    return value


NATIVE = {
    "$bytes": bytes.fromhex,
    "$decimal": decimal.Decimal,
    "$uuid": uuid.UUID,
    "$date": datetime.date.fromisoformat,
    "$time": datetime.time.fromisoformat,
    "$timestamp": datetime.datetime.fromisoformat,
}


def from_json(value):
    if isinstance(value, dict):
        for tag, make in NATIVE.items():
            if list(value) == [tag]:
                return make(value[tag])
        return {key: from_json(of) for key, of in value.items()}
    if isinstance(value, list):
        return [from_json(of) for of in value]
    return value


def message_class(asked):
    pool = descriptor_pool.DescriptorPool()
    default = descriptor_pool.Default()
    for name in ("google/protobuf/timestamp.proto",):
        __import__("google.protobuf.timestamp_pb2")
        pool.AddSerializedFile(default.FindFileByName(name).serialized_pb)
    for text in asked["files"]:
        file = descriptor_pb2.FileDescriptorProto()
        file.ParseFromString(base64.b64decode(text))
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(asked["message"]))


def schema(asked, kind):
    if asked.get("schema") is None:
        return None
    references = [SchemaReference(of["name"], of["subject"], of["version"]) for of in asked.get("references", [])]
    return Schema(asked["schema"], kind, references)


def write(asked):
    headers = []
    context = SerializationContext(asked["topic"], MessageField.VALUE, headers)
    in_header = asked["framing"] == "header"
    conf = {
        "subject.name.strategy.type": "TOPIC",
        "schema.id.serializer": header_schema_id_serializer if in_header else prefix_schema_id_serializer,
    }
    value = asked["value"]
    if asked["format"] == "avro":
        serializer = AvroSerializer(registry, schema(asked, "AVRO"), conf=conf)
        value = from_json(value)
    elif asked["format"] == "json":
        serializer = JSONSerializer(schema(asked, "JSON"), registry, conf=conf)
    else:
        of = message_class(asked)
        serializer = ProtobufSerializer(of, registry, conf=conf)
        value = json_format.ParseDict(value, of())
    made = serializer(value, context)
    header = dict(headers).get(HEADER)
    return {"bytes": made.hex(), "header": header.hex() if header else None}


def read(asked):
    headers = [] if asked.get("header") is None else [(HEADER, bytes.fromhex(asked["header"]))]
    context = SerializationContext(asked["topic"], MessageField.VALUE, headers)
    made = bytes.fromhex(asked["bytes"])
    conf = {"subject.name.strategy.type": "TOPIC"}
    if asked["format"] == "avro":
        return {"value": to_json(AvroDeserializer(registry, schema(asked, "AVRO"), conf=conf)(made, context))}
    if asked["format"] == "json":
        return {"value": JSONDeserializer(None, schema_registry_client=registry, conf=conf)(made, context)}
    deserializer = ProtobufDeserializer(message_class(asked), conf, registry)
    message = deserializer(made, context)
    return {"value": json_format.MessageToDict(message, preserving_proto_field_name=True)}


for line in sys.stdin:
    asked = json.loads(line)
    try:
        answer = {"write": write, "read": read}[asked["op"]](asked)
    except Exception as error:  # Whatever it is, it is the test that says so.
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
