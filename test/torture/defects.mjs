// Defects on purpose, for the proof that the checker finds them: `npm run torture -- --defects`.

const isFlash = field => field.startsWith('f:');

/** Each makes a defective store, or options with which the library breaks a promise. */
const DEFECTS = {
  'update() of a key writes the whole record': store =>
    patched(store, {
      async update(id, update, now) {
        const record = await store.load(id);
        await pause();
        if (record === undefined) return 'gone';
        return store.update(id, { ...update, set: { ...record.data, ...update.set } }, now);
      },
    }),
  'a rotation leaves no mark': store => patched(store, { destroy: (id, now) => store.destroy(id, now) }),
  'update() and take() do not compare': store =>
    patched(store, {
      update: (id, { expect, ...update }, now) =>
        store.update(id, expect && Object.keys(expect).some(isFlash) ? { ...update, expect } : update, now),
    }),
  'a flash message is given to all who ask': store =>
    patched(store, {
      update: (id, { expect, ...update }, now) =>
        store.update(id, expect && Object.keys(expect).some(isFlash) ? update : { ...update, expect }, now),
    }),
  'a failed update is sent again': store =>
    patched(store, {
      async update(id, { expect, ...update }, now) {
        try {
          return await store.update(id, { ...update, expect }, now);
        } catch {
          const [field] = Object.keys(update.set);
          if (field !== 'd:count') throw new Error('the store failed');
          await pause(100); // the connection comes back
          const { data } = (await store.load(id)) ?? { data: {} };
          const again = [...JSON.parse(data[field] ?? '[]'), JSON.parse(update.set[field]).at(-1)];
          return store.update(id, { ...update, set: { [field]: JSON.stringify(again) } }, now);
        }
      },
    }),
  'a late update revives a session': store =>
    patched(store, {
      async update(id, update, now) {
        const before = await store.load(id);
        await pause();
        const result = await store.update(id, update, now);
        if (result !== 'gone' || before === undefined) return result;
        await store.create(id, { ...before, data: { ...before.data, ...update.set } });
        return 'done';
      },
    }),
  'two logins of a user overwrite each other in the index': store =>
    patched(store, {
      index: patched(store.index, {
        async add(user, id, until, now) {
          const listed = await store.index.list(user, now);
          await store.index.add(user, id, until, now);
          if (Math.random() < 0.2) await store.index.remove(user, listed);
        },
      }),
    }),
  'a request that failed is saved': 'saveOnServerError',
};

export const DEFECT_NAMES = Object.keys(DEFECTS);

/** The options of SessionModule, with the defect of this name. Without a name they stay as they are. */
export async function withDefect(name, options, load) {
  if (!name) return options;
  const defect = DEFECTS[name];
  if (defect === undefined)
    throw new Error(`there is no defect "${name}"; there are: ${DEFECT_NAMES.join(', ')}`);
  if (typeof defect === 'string') return { ...options, [defect]: true };
  const { type, storeTimeout, maxSize, ...rest } = options;
  const classes = await load(`stores/${type}/index.js`);
  const Store = Object.entries(classes).find(([exported]) => exported.endsWith('SessionStore'))[1];
  return { store: defect(new Store(rest)), storeTimeout, maxSize };
}

/** Gives another request time to come in between. */
const pause = (ms = 5) => new Promise(resolve => setTimeout(resolve, ms));

/** An object with other methods. Everything else is called on the original. */
function patched(target, methods) {
  return new Proxy(target, {
    get(_, property) {
      if (Object.hasOwn(methods, property)) return methods[property];
      const value = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
