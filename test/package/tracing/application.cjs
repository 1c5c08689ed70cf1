/** An application with one route, which counts views. Prints the names of the spans of its last request as JSON. */
module.exports = async function run({ Controller, Get, Module, NestFactory, Session, SessionModule }) {
  class AppController {
    views(session) {
      session.views = (session.views ?? 0) + 1;
      return { views: session.views };
    }
  }
  const { prototype } = AppController;
  Get('views')(prototype, 'views', Object.getOwnPropertyDescriptor(prototype, 'views'));
  Session()(prototype, 'views', 0);
  Controller()(AppController);

  class AppModule {}
  const options = JSON.parse(process.env.SESSION_OPTIONS);
  Module({ imports: [SessionModule.forRoot(options)], controllers: [AppController] })(AppModule);

  const app = await NestFactory.create(AppModule, { logger: ['error'] });
  await app.listen(0, '127.0.0.1');
  const url = `${await app.getUrl()}/views`;
  const first = await fetch(url);
  const cookie = first.headers.getSetCookie()[0].split(';')[0];
  // The first update loads a script into Redis.
  await fetch(url, { headers: { cookie } });
  globalThis.forgetSpans();
  const last = await (await fetch(url, { headers: { cookie } })).json();
  const spans = globalThis.spanNames();
  await app.close();
  console.log(JSON.stringify({ views: last.views, spans }));
};
