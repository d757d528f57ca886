// Uploads a file with tus-js-client, breaks it off in the middle, and goes on with another client,
// as a page does that is loaded anew: node tus_client.cjs ENDPOINT FILE STORAGE. Prints the URL.
const { createRequire } = require("node:module");
const fs = require("node:fs");
const path = require("node:path");

const web = path.resolve(__dirname, "../../../../gateway/web/package.json");
const tus = createRequire(web)("tus-js-client");
const [endpoint, file, storage, parallel] = process.argv.slice(2);

function begin(onProgress) {
  return new Promise((resolve, reject) => {
    const upload = new tus.Upload(fs.createReadStream(file), {
      endpoint,
      chunkSize: 50_000,
      parallelUploads: Number(parallel),
      urlStorage: new tus.FileUrlStorage(storage),
      metadata: { filename: path.basename(file), filetype: "application/x-thing" },
      storeFingerprintForResuming: true,
      retryDelays: null,
      onError: reject,
      onSuccess: () => resolve(upload),
      onChunkComplete: (_size, accepted) => onProgress(upload, accepted, resolve),
    });
    upload.findPreviousUploads().then(previous => {
      if (previous.length > 0) upload.resumeFromPreviousUpload(previous[0]);
      upload.start();
    });
  });
}

async function main() {
  const broken = await begin((upload, accepted, resolve) => {
    if (accepted >= 100_000) upload.abort().then(() => resolve(upload));
  });
  const first = [];
  const whole = await begin((_upload, accepted) => first.push(accepted));
  console.log(JSON.stringify({ broken: broken.url, whole: whole.url, first: first[0] }));
}

main().catch(error => {
  console.error(error);
  process.exit(1);
});
