import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createRequest, readHead, useServers } from './servers.js';

const open = useServers();

describe('what goes onto the wire', () => {
  it('is one POST to the exact URL, with the length of the body and the headers of the backend', async () => {
    const server = await open.http((_, response) => response.end());
    const transport = open.transport(`http://127.0.0.1:${server.port}/v1/traces?tenant=a%20b`, {
      headers: { authorization: 'Bearer secret-token', 'x-team': 'ml' },
    });
    const body = gzipSync('spans');

    const result = await transport.send(createRequest({ body, contentEncoding: 'gzip' }));

    expect(result).toEqual({ status: 'success', httpStatus: 200, rejectedSpans: 0 });
    expect(server.requests).toHaveLength(1);
    const [request] = server.requests;
    expect(request?.method).toBe('POST');
    expect(request?.path).toBe('/v1/traces?tenant=a%20b');
    expect(request?.body).toEqual(body);
    expect(request?.headers).toEqual({
      host: `127.0.0.1:${server.port}`,
      connection: 'keep-alive',
      authorization: 'Bearer secret-token',
      'x-team': 'ml',
      'accept-encoding': 'identity',
      'user-agent': 'signalbox/test',
      'content-type': 'application/x-protobuf',
      'content-encoding': 'gzip',
      'content-length': String(body.byteLength),
    });
    const lengths = request?.rawHeaders.filter((name) => /^content-length$/i.test(name));
    expect(lengths).toHaveLength(1);
  });

  it("puts a product's own User-Agent first", async () => {
    const server = await open.http((_, response) => response.end());
    const transport = open.transport(`http://127.0.0.1:${server.port}/`, {
      headers: { 'user-agent': 'shop/3' },
    });

    await transport.send(createRequest());

    expect(server.requests[0]?.headers['user-agent']).toBe('shop/3 signalbox/test');
  });

  it.each([
    ['sends user-info of the URL as basic credentials', {}, 'Basic dXNlcjpwQHNz'],
    ['prefers the header to the user-info', { authorization: 'Bearer x' }, 'Bearer x'],
  ])('%s', async (_, headers, expected) => {
    const server = await open.http((_request, response) => response.end());
    const transport = open.transport(`http://user:p%40ss@127.0.0.1:${server.port}/`, { headers });

    await transport.send(createRequest());

    expect(server.requests[0]?.headers.authorization).toBe(expected);
  });
});

describe('the status of an answer', () => {
  it.each([
    [200, 'success'],
    [202, 'success'],
    [204, 'success'],
    [304, 'refused'],
    [400, 'refused'],
    [401, 'refused'],
    [403, 'refused'],
    [404, 'refused'],
    [408, 'refused'],
    [413, 'too_large'],
    [422, 'refused'],
    [429, 'retryable'],
    [500, 'refused'],
    [501, 'refused'],
    [502, 'retryable'],
    [503, 'retryable'],
    [504, 'retryable'],
    [505, 'refused'],
  ])('%i is %s', async (httpStatus, status) => {
    const server = await open.http((_, response) => response.writeHead(httpStatus).end());
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);

    const result = await transport.send(createRequest());

    expect(result.status).toBe(status);
    if (result.status === 'success') expect(result.httpStatus).toBe(httpStatus);
    else {
      expect(result.failure.httpStatus).toBe(httpStatus);
      expect(result.failure.errorType).toBe(String(httpStatus));
      expect(result.failure.message).toContain(`HTTP ${httpStatus}`);
    }
  });

  it.each([301, 302, 303, 307, 308])('%i is refused and leads nowhere', async (httpStatus) => {
    const other = await open.http((_, response) => response.end());
    const location = `http://user:hunter22@127.0.0.1:${other.port}/v1/traces?token=secret`;
    const server = await open.http((_, response) =>
      response.writeHead(httpStatus, { location }).end(),
    );
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);

    const result = await transport.send(createRequest());

    expect(result).toEqual({
      status: 'refused',
      failure: {
        message: `HTTP ${httpStatus} redirect to 127.0.0.1:${other.port}, and redirects are never followed`,
        errorType: String(httpStatus),
        httpStatus,
      },
    });
    expect(other.sockets).toHaveLength(0);
    expect(server.requests).toHaveLength(1);
  });

  it('tells no credential that its redirect has in the place of a host', async () => {
    const server = await open.http((_, response) =>
      response.writeHead(302, { location: 'http://SK-123456789.example/' }).end(),
    );
    const headers = { authorization: 'Bearer SK-123456789' };
    const transport = open.transport(`http://127.0.0.1:${server.port}/`, { headers });

    expect(await transport.send(createRequest())).toMatchObject({
      failure: {
        message: 'HTTP 302 redirect to [redacted].example, and redirects are never followed',
      },
    });
  });

  it('passes over the informational answers before it', async () => {
    const server = await open.http((_, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.writeHead(503).end();
    });
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);

    expect(await transport.send(createRequest())).toMatchObject({
      status: 'retryable',
      failure: { httpStatus: 503 },
    });
  });

  it('never brings the words of a refusal into the log', async () => {
    const server = await open.http((_, response) => response.writeHead(401).end('bad key secret'));
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);

    expect(await transport.send(createRequest())).toEqual({
      status: 'refused',
      failure: { message: 'HTTP 401', errorType: '401', httpStatus: 401 },
    });
  });
});

describe('Retry-After', () => {
  const send = async (httpStatus: number, retryAfter: string) => {
    const server = await open.http((_, response) =>
      response.writeHead(httpStatus, { 'retry-after': retryAfter }).end(),
    );
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);
    const result = await transport.send(createRequest());
    if (result.status !== 'retryable') throw new Error(`unexpectedly ${result.status}`);
    return result.retryAfterMs;
  };

  it.each([429, 502, 503, 504])('is taken from %i', async (httpStatus) => {
    expect(await send(httpStatus, '17')).toBe(17_000);
  });

  it('may be a date to come', async () => {
    const inAnHour = new Date(Date.now() + 3_600_000).toUTCString();
    const retryAfterMs = await send(503, inAnHour);
    expect(retryAfterMs).toBeGreaterThan(3_000_000);
    expect(retryAfterMs).toBeLessThanOrEqual(3_600_000);
  });

  it('may be a date that has passed', async () => {
    expect(await send(429, 'Sun, 06 Nov 1994 08:49:37 GMT')).toBe(0);
  });

  it.each(['soon', '-5', '1.5'])('is left out when it reads %j', async (value) => {
    expect(await send(429, value)).toBeUndefined();
  });
});

describe('an answer that is too long', () => {
  const answerEndlessly = (status: string) =>
    open.raw(async (socket) => {
      await readHead(socket);
      socket.write(`HTTP/1.1 ${status}\r\ntransfer-encoding: chunked\r\n\r\n`);
      const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
      const fill = (): void => {
        while (!socket.destroyed && socket.write(chunk));
      };
      socket.on('drain', fill);
      fill();
    });

  it('still acknowledges the batch, and costs the connection', async () => {
    const server = await answerEndlessly('200 OK');
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);

    expect(await transport.send(createRequest())).toEqual({
      status: 'success',
      httpStatus: 200,
      rejectedSpans: 0,
      message: 'HTTP 200, but the answer is too long to be read',
    });
    await server.closed(1);
  });

  it.each([
    ['503 Unavailable', 'retryable'],
    ['413 Too Large', 'too_large'],
    ['500 Error', 'refused'],
  ])('means what %s means', async (status, expected) => {
    const server = await answerEndlessly(status);
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);

    expect((await transport.send(createRequest())).status).toBe(expected);
    await server.closed(1);
  });
});
