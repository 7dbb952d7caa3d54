import { main } from './main';

// The program of the portable bundle (scripts/bench-bundle.mjs): the model lies beside it.
main(new URL('./model/', import.meta.url)).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
