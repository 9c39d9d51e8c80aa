"""Confluent's client for Python, measured: reads an object of JSON a line, and answers each with one.

The first is {"url", "avro", "json", "file", "message", "order", "made": {form: bytes in hex}}: the registry, the schemas, the order as JSON, and what others made of it, to be read. Each of
the others is {"cell"}, and its answer {"nanoseconds"} of a record, with {"bytes"} in hex if it was serialized; {} where the client has nothing of the kind.
"""

import base64
import json
import sys
import time
from dataclasses import dataclass

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

ROUND = 30_000_000
BATCH = 16


@dataclass(slots=True)
class Address:
    street: str
    city: str
    zip: str


@dataclass(slots=True)
class Line:
    item: str
    count: int
    cents: int


@dataclass(slots=True)
class Order:
    id: int
    customer: str
    email: str
    paid: bool
    total: float
    quantity: int
    note: str | None
    address: Address
    lines: list[Line]
    labels: dict[str, str]


def to_dict(order, _):
    address = order.address
    return {
        "id": order.id,
        "customer": order.customer,
        "email": order.email,
        "paid": order.paid,
        "total": order.total,
        "quantity": order.quantity,
        "note": order.note,
        "address": {"street": address.street, "city": address.city, "zip": address.zip},
        "lines": [{"item": line.item, "count": line.count, "cents": line.cents} for line in order.lines],
        "labels": order.labels,
    }


def from_dict(order, _):
    return Order(
        order["id"],
        order["customer"],
        order["email"],
        order["paid"],
        order["total"],
        order["quantity"],
        order["note"],
        Address(**order["address"]),
        [Line(**line) for line in order["lines"]],
        order["labels"],
    )


def message_class(file, name):
    descriptor = descriptor_pb2.FileDescriptorProto()
    descriptor.ParseFromString(base64.b64decode(file))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(descriptor)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def cells(load):
    """What each cell calls, with what, and what must come of it."""
    registry = SchemaRegistryClient({"url": load["url"]})
    of = message_class(load["file"], load["message"])
    tree = load["order"]
    order = from_dict(tree, None)
    message = json_format.ParseDict(tree, of())
    by = {"subject.name.strategy.type": "TOPIC"}
    unchecked = by | {"validate": False}
    avro, schema = load["avro"], load["json"]
    write = {
        "Avro, a type": (AvroSerializer(registry, avro, to_dict, by), order),
        "Avro, a generic value": (AvroSerializer(registry, avro, conf=by), tree),
        "Protocol Buffers, a type": (ProtobufSerializer(of, registry, by), message),
        "JSON Schema, a type": (JSONSerializer(schema, registry, to_dict, by), order),
        "JSON Schema, a generic value": (JSONSerializer(schema, registry, conf=by), tree),
        "JSON Schema, a type, not validated": (JSONSerializer(schema, registry, to_dict, unchecked), order),
    }
    read = {
        "Avro, a type": (AvroDeserializer(registry, avro, from_dict, conf=by), order),
        "Avro, a generic value": (AvroDeserializer(registry, conf=by), tree),
        "Protocol Buffers, a type": (ProtobufDeserializer(of, by), message),
        "JSON Schema, a type": (JSONDeserializer(schema, from_dict, conf=by), order),
        "JSON Schema, a generic value": (JSONDeserializer(schema, conf=by), tree),
        "JSON Schema, a type, not validated": (JSONDeserializer(schema, from_dict, conf=unchecked), order),
    }
    for form, (serializer, value) in write.items():
        yield f"serialize {form}", (serializer, value, None)
    for form, (deserializer, value) in read.items():
        yield f"deserialize {form}", (deserializer, bytes.fromhex(load["made"][form]), value)


def cost(call, value, context):
    spent = count = 0
    while spent < ROUND:
        start = time.thread_time_ns()
        for _ in range(BATCH):
            call(value, context)
        spent += time.thread_time_ns() - start
        count += BATCH
    return spent / count


known = None
for line in sys.stdin:
    asked = json.loads(line)
    if known is None:
        known = dict(cells(asked))
        continue
    answer = {}
    if asked["cell"] in known:
        call, value, wanted = known[asked["cell"]]
        topic = "python-" + asked["cell"].split()[1].strip(",").lower()
        context = SerializationContext(topic, MessageField.VALUE)
        made = call(value, context)
        if wanted is None:
            answer["bytes"] = made.hex()
        else:
            assert made == wanted, f"{made} is not {wanted}"
        answer["nanoseconds"] = cost(call, value, context)
    print(json.dumps(answer), flush=True)
