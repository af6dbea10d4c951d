// Two connections of one page; the built worker encrypts the one's frames and decrypts the other's, both by
// RTCRtpScriptTransform. livekit-client itself takes its other path in Chromium, so this is done by hand.
const LOCAL = 'A'.repeat(43);
const OPTIONS = {
  sharedKey: false, ratchetSalt: 'LKFrameEncryptionKey', ratchetWindowSize: 0, failureTolerance: -1,
  keyringSize: 16, keySize: 128,
};
const manifest = await (await fetch('/bundle/manifest.json')).json();
const address = `/bundle/${manifest['e2ee-worker.js']}`;

const material = key => crypto.subtle.importKey('raw', key, 'HKDF', false, ['deriveBits', 'deriveKey']);

async function worker(name, key) {
  const made = new Worker(address, { type: 'module', name });
  made.postMessage({ kind: 'init', data: { keyProviderOptions: OPTIONS, loglevel: 5 } });
  made.postMessage({
    kind: 'setKey',
    data: { participantIdentity: LOCAL, key: await material(key), keyIndex: 3, updateCurrentKeyIndex: true },
  });
  return made;
}

function picture() {
  const canvas = document.createElement('canvas');
  canvas.width = 160;
  canvas.height = 120;
  const context = canvas.getContext('2d');
  let at = 0;
  setInterval(() => {
    context.fillStyle = `hsl(${(at += 7) % 360} 80% 50%)`;
    context.fillRect(0, 0, 160, 120);
  }, 40);
  return canvas.captureStream(25).getVideoTracks()[0];
}

// encode, decode: null for none, or the identity and the worker by which frames go.
window.call = async ({ encode = LOCAL, decode = LOCAL, key = 9, otherKey = 9, off = false }) => {
  const sealing = await worker(LOCAL, new Uint8Array(32).fill(key));
  const opening = await worker('B'.repeat(43), new Uint8Array(32).fill(otherKey));
  if (off) {
    for (const each of [sealing, opening]) {
      each.postMessage({ kind: 'enable', data: { enabled: false, participantIdentity: LOCAL } });
    }
  }
  opening.postMessage({ kind: 'enable', data: { enabled: true, participantIdentity: LOCAL } });
  const [from, to] = [new RTCPeerConnection(), new RTCPeerConnection()];
  from.onicecandidate = event => to.addIceCandidate(event.candidate);
  to.onicecandidate = event => from.addIceCandidate(event.candidate);
  const sender = from.addTransceiver(picture(), { direction: 'sendonly' });
  const vp8 = RTCRtpSender.getCapabilities('video').codecs.filter(codec => codec.mimeType === 'video/VP8');
  sender.setCodecPreferences(vp8);
  const transform = (by, kind, participantIdentity) =>
    new RTCRtpScriptTransform(by, { kind, participantIdentity, trackId: kind, codec: 'vp8' });
  if (encode) sender.sender.transform = transform(sealing, 'encode', encode);
  to.ontrack = ({ receiver, track }) => {
    if (decode) receiver.transform = transform(opening, 'decode', decode);
    const video = document.createElement('video');
    video.muted = true;
    video.srcObject = new MediaStream([track]);
    document.body.append(video);
    void video.play();
  };
  await from.setLocalDescription();
  await to.setRemoteDescription(from.localDescription);
  await to.setLocalDescription();
  await from.setRemoteDescription(to.localDescription);
  window.counts = async () => {
    const find = async (connection, type) =>
      [...(await connection.getStats()).values()].find(each => each.type === type) ?? {};
    const [sent, got] = [await find(from, 'outbound-rtp'), await find(to, 'inbound-rtp')];
    return {
      encoded: sent.framesEncoded ?? 0, sent: sent.packetsSent ?? 0, received: got.packetsReceived ?? 0, decoded: got.framesDecoded ?? 0,
    };
  };
};
document.documentElement.dataset.ready = 'true';
