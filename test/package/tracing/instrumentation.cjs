// What an application loads before everything else: node --require ./instrumentation.cjs main.cjs
const { registerInstrumentations } = require('@opentelemetry/instrumentation');
const { IORedisInstrumentation } = require('@opentelemetry/instrumentation-ioredis');
const { MongoDBInstrumentation } = require('@opentelemetry/instrumentation-mongodb');
const {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} = require('@opentelemetry/sdk-trace-base');

const exporter = new InMemorySpanExporter();
registerInstrumentations({
  tracerProvider: new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  instrumentations: [
    new IORedisInstrumentation({ requireParentSpan: false }),
    new MongoDBInstrumentation({ requireParentSpan: false }),
  ],
});

globalThis.spanNames = () => exporter.getFinishedSpans().map(span => span.name);
globalThis.forgetSpans = () => exporter.reset();
