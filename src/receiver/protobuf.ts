import protobuf from 'protobufjs';

/**
 * What OTLP says of traces, written from its specification (1.x): the messages of `common/v1`, `resource/v1`,
 * `trace/v1` and `collector/trace/v1`, and `google.rpc.Status`, in which failures are answered.
 *
 * `proto3` makes the decoder check that strings are UTF-8, as protobuf asks.
 */
const MESSAGES = `
syntax = "proto3";

message AnyValue {
  oneof value {
    string string_value = 1;
    bool bool_value = 2;
    int64 int_value = 3;
    double double_value = 4;
    ArrayValue array_value = 5;
    KeyValueList kvlist_value = 6;
    bytes bytes_value = 7;
  }
}
message ArrayValue { repeated AnyValue values = 1; }
message KeyValueList { repeated KeyValue values = 1; }
message KeyValue {
  string key = 1;
  AnyValue value = 2;
}

message InstrumentationScope {
  string name = 1;
  string version = 2;
  repeated KeyValue attributes = 3;
  uint32 dropped_attributes_count = 4;
}
message Resource {
  repeated KeyValue attributes = 1;
  uint32 dropped_attributes_count = 2;
}

message ResourceSpans {
  Resource resource = 1;
  repeated ScopeSpans scope_spans = 2;
  string schema_url = 3;
}
message ScopeSpans {
  InstrumentationScope scope = 1;
  repeated Span spans = 2;
  string schema_url = 3;
}
message Span {
  bytes trace_id = 1;
  bytes span_id = 2;
  string trace_state = 3;
  bytes parent_span_id = 4;
  string name = 5;
  int32 kind = 6;
  fixed64 start_time_unix_nano = 7;
  fixed64 end_time_unix_nano = 8;
  repeated KeyValue attributes = 9;
  uint32 dropped_attributes_count = 10;
  repeated Event events = 11;
  uint32 dropped_events_count = 12;
  repeated Link links = 13;
  uint32 dropped_links_count = 14;
  Status status = 15;
  fixed32 flags = 16;

  message Event {
    fixed64 time_unix_nano = 1;
    string name = 2;
    repeated KeyValue attributes = 3;
    uint32 dropped_attributes_count = 4;
  }
  message Link {
    bytes trace_id = 1;
    bytes span_id = 2;
    string trace_state = 3;
    repeated KeyValue attributes = 4;
    uint32 dropped_attributes_count = 5;
    fixed32 flags = 6;
  }
  message Status {
    reserved 1;
    string message = 2;
    int32 code = 3;
  }
}

message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
message ExportTraceServiceResponse { ExportTracePartialSuccess partial_success = 1; }
message ExportTracePartialSuccess {
  int64 rejected_spans = 1;
  string error_message = 2;
}

message RpcStatus {
  int32 code = 1;
  string message = 2;
}
`;

const { root } = protobuf.parse(MESSAGES);
const Request = root.lookupType('ExportTraceServiceRequest');
const Response = root.lookupType('ExportTraceServiceResponse');
const RpcStatus = root.lookupType('RpcStatus');

/** The answer to a request of which a part was not taken. */
export interface PartialSuccess {
  readonly rejectedSpans: number;
  readonly errorMessage: string;
}

/**
 * Decodes an `ExportTraceServiceRequest` into the shape that OTLP's JSON has: names in camel case, 64-bit
 * integers as decimal strings, absent fields absent; but bytes, ids among them, as `Uint8Array`.
 *
 * @throws where the bytes are no such message.
 */
export function decodeProtobufRequest(body: Uint8Array): unknown {
  return Request.toObject(Request.decode(body), { longs: String });
}

/** Encodes an `ExportTraceServiceResponse`; full success leaves `partial_success` unset, as OTLP asks. */
export function encodeProtobufResponse(partialSuccess?: PartialSuccess): Uint8Array {
  return Response.encode(
    Response.create(partialSuccess === undefined ? {} : { partialSuccess }),
  ).finish();
}

/** Encodes the `google.rpc.Status` that OTLP/HTTP wants in the body of every failure. */
export function encodeProtobufStatus(message: string): Uint8Array {
  return RpcStatus.encode(RpcStatus.create({ message })).finish();
}
