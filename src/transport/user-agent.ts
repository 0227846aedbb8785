/** Release of OpenTelemetry's OTLP exporters whose requests these equal; a test holds it to the one installed. */
const OTLP_EXPORTER_VERSION = '0.223.0';

/**
 * The `User-Agent` of every request, such as `signalbox/1.2.3 OTel-OTLP-Exporter-JavaScript/0.223.0`.
 *
 * "User Agent" of the OTLP exporter specification: exporter, language and version, and a product may
 * name itself before them.
 *
 * @param version signalbox's own version.
 */
export function formatUserAgent(version: string): string {
  return `signalbox/${version} OTel-OTLP-Exporter-JavaScript/${OTLP_EXPORTER_VERSION}`;
}
