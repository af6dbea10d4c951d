// A page with several participants: the unmodified livekit-client, told what to do by the test.
//
// Lives here: `join`, and what the test asks of a peer. Not here: what is expected of it (test_browser.py).
const { ExternalE2EEKeyProvider, Room, RoomEvent, Track } = LivekitClient;
const peers = {};

// What an event's argument is, in a word that can leave the page.
const word = (x) => (x && typeof x === "object" ? (x.identity ?? x.trackSid ?? x.sid ?? "") : x);

// Connections that note in what each packet of sound comes: statistics say "audio/opus" of redundant sound, too.
const Connection = RTCPeerConnection;
const NOTE = `onrtctransform = ({ transformer }) => {
  const transform = (frame, on) => {
    postMessage(frame.getMetadata().mimeType);
    on.enqueue(frame);
  };
  transformer.readable.pipeThrough(new TransformStream({ transform })).pipeTo(transformer.writable);
};`;
const watched = (came) => class extends Connection {
  constructor(...how) {
    super(...how);
    this.addEventListener("track", ({ receiver, track }) => {
      if (track.kind !== "audio") return;
      const worker = new Worker(URL.createObjectURL(new Blob([NOTE])));
      worker.onmessage = ({ data }) => (came[data] = (came[data] ?? 0) + 1);
      receiver.transform = new RTCRtpScriptTransform(worker);
    });
  }
};

// And of a browser that has no redundant sound.
const withoutRed = (came) => class extends watched(came) {
  async createAnswer(...how) {
    const { type, sdp } = await super.createAnswer(...how);
    const [, red] = /a=rtpmap:(\d+) red\/48000/.exec(sdp) ?? [];
    const lines = sdp.split("\r\n").filter((line) => !(red && line.match(`^a=(rtpmap|fmtp|rtcp-fb):${red} `)));
    return { type, sdp: lines.map((line) => (line.startsWith("m=audio") ? line.replace(` ${red}`, "") : line)).join("\r\n") };
  }
};

// options: livekit-client's; and `key`, with which its frames are encrypted; `watch` and `plain`: see above.
window.join = async (name, url, token, { key, watch, plain, ...options }, connect) => {
  const came = {};
  window.RTCPeerConnection = plain ? withoutRed(came) : watch ? watched(came) : Connection;
  if (key) {
    const keyProvider = new ExternalE2EEKeyProvider();
    await keyProvider.setKey(key);
    options.encryption = { keyProvider, worker: new Worker("/e2ee.js") };
  }
  const room = new Room(options);
  if (key) await room.setE2EEEnabled(true);
  const peer = (peers[name] = { room, told: [], videos: {}, came });
  for (const event of Object.values(RoomEvent)) {
    room.on(event, (...args) => peer.told.push([event, ...args.map(word)]));
  }
  room.on(RoomEvent.TrackSubscribed, (track, publication) => {
    const element = track.attach();
    if (track.kind === Track.Kind.Video) {
      element.style.cssText = "width: 640px; height: 360px";
      peer.videos[publication.trackSid] = element;
    }
    document.body.append(element);
  });
  room.on(RoomEvent.DataReceived, (data, from) => {
    peer.data = [...(peer.data ?? []), [from?.identity, new TextDecoder().decode(data)]];
  });
  await room.connect(url, token, connect);
  return room.localParticipant.sid;
};

// Camera and microphone; the sids of the two tracks.
window.publish = async (name) => {
  const me = peers[name].room.localParticipant;
  const camera = await me.setCameraEnabled(true, { resolution: { width: 640, height: 360, frameRate: 15 } });
  const voice = await me.setMicrophoneEnabled(true);
  return [camera.trackSid, voice.trackSid];
};

// A camera, with livekit-client's options for publishing; the track's sid.
window.show = async (name, options) => {
  const size = { resolution: { width: 640, height: 360, frameRate: 15 } };
  return (await peers[name].room.localParticipant.setCameraEnabled(true, size, options)).trackSid;
};

// How many pictures of a track a peer has shown; of the peer's latest if no track is named.
window.pictures = (name, sid) => {
  const videos = peers[name].videos;
  const video = sid ? videos[sid] : Object.values(videos).at(-1);
  return video ? video.getVideoPlaybackQuality().totalVideoFrames : 0;
};

// Bytes of sound that a peer has received, over all its tracks.
window.sound = async (name) => {
  let bytes = 0;
  for (const other of peers[name].room.remoteParticipants.values()) {
    for (const publication of other.audioTrackPublications.values()) {
      for (const stat of (await publication.track?.receiver?.getStats())?.values() ?? []) {
        if (stat.type === "inbound-rtp") bytes += stat.bytesReceived;
      }
    }
  }
  return bytes;
};

// In what sound comes to a peer that joined with `watch` or `plain`, packet by packet: how many of each codec.
window.came = (name) => peers[name].came;

// Which layers of its camera a peer sends, smallest first.
// In which MediaStream each of another's tracks comes.
window.streams = (name, of) =>
  [...peers[name].room.remoteParticipants.get(of).trackPublications.values()].map((each) => each.track?.mediaStream?.id);

window.layers = (name) => {
  const camera = peers[name].room.localParticipant.getTrackPublication(Track.Source.Camera);
  return camera.track.sender.getParameters().encodings.map((each) => each.active);
};

// The codec that a peer's camera is sent in, as "video/VP8".
window.sending = async (name) => {
  const camera = peers[name].room.localParticipant.getTrackPublication(Track.Source.Camera);
  const stats = await camera.track.sender.getStats();
  const sent = [...stats.values()].find((each) => each.type === "outbound-rtp" && each.framesSent > 0);
  return stats.get(sent?.codecId)?.mimeType;
};

// What a peer is told of the tracks of another: kind, codec, whether it is encrypted.
window.kinds = (name, of) =>
  [...(peers[name].room.remoteParticipants.get(of)?.trackPublications.values() ?? [])]
    .map((each) => [each.kind, each.mimeType.toLowerCase(), each.isEncrypted]);

window.subscribe = (name, of, on) => {
  for (const each of peers[name].room.remoteParticipants.get(of).trackPublications.values()) each.setSubscribed(on);
};
window.permit = (name, all) => peers[name].room.localParticipant.setTrackSubscriptionPermissions(all);
window.unpublish = (name) => {
  const me = peers[name].room.localParticipant;
  return me.unpublishTrack(me.getTrackPublication(Track.Source.Camera).track);
};

// What a peer says of itself, and what another sees of it.
window.describe = async (name, { called, metadata, attributes }) => {
  const me = peers[name].room.localParticipant;
  await me.setName(called);
  await me.setMetadata(metadata);
  await me.setAttributes(attributes);
};
window.described = (name, of) => {
  const other = peers[name].room.remoteParticipants.get(of);
  return { called: other?.name, metadata: other?.metadata, attributes: other?.attributes };
};
window.quality = (name) => peers[name].room.localParticipant.connectionQuality;

// Streams of text and of bytes: what has come of each, and how long it was.
window.listen = (name, topic) => {
  const { room } = peers[name];
  const heard = (peers[name].heard = []);
  room.registerTextStreamHandler(topic, async (reader, { identity }) => heard.push([identity, (await reader.readAll()).length]));
  room.registerByteStreamHandler(topic, async (reader, { identity }) => {
    const parts = await reader.readAll();
    heard.push([identity, parts.reduce((sum, part) => sum + part.length, 0)]);
  });
};
window.heard = (name) => peers[name].heard;
window.tell = (name, topic, length) => peers[name].room.localParticipant.sendText("x".repeat(length), { topic });
window.hand = (name, topic, length) =>
  peers[name].room.localParticipant.sendFile(new File([new Uint8Array(length)], "file.bin"), { topic });

window.resize = (name, width) => {
  for (const video of Object.values(peers[name].videos)) {
    video.style.cssText = `width: ${width}px; height: ${(width * 9) / 16}px`;
  }
};

window.told = (name, event) => peers[name].told.filter((each) => each[0] === event).map((each) => each.slice(1));
window.others = (name) => [...peers[name].room.remoteParticipants.keys()].sort();
window.tracks = (name, of) =>
  [...(peers[name].room.remoteParticipants.get(of)?.trackPublications.values() ?? [])]
    .map((each) => [each.trackSid, each.kind, each.isMuted]);
window.me = (name) => peers[name].room.localParticipant.sid;
window.state = (name) => peers[name].room.state;
window.data = (name) => peers[name].data ?? [];
window.say = (name, text) => peers[name].room.localParticipant.publishData(new TextEncoder().encode(text), { reliable: true });
// Say the numbers up to `most`, one each few milliseconds.
window.count = async (name, most) => {
  for (let n = 0; n < most; n++) {
    await say(name, String(n));
    await new Promise((go) => setTimeout(go, 5));
  }
};
window.mute = (name, on) => peers[name].room.localParticipant.setMicrophoneEnabled(!on);
window.serve = (name, method) => peers[name].room.registerRpcMethod(method, async (call) => `${call.payload}, ${call.callerIdentity}`);
window.call = (name, to, method, payload) =>
  peers[name].room.localParticipant.performRpc({ destinationIdentity: to, method, payload, responseTimeout: 20000 });
window.simulate = (name, scenario) => peers[name].room.simulateScenario(scenario);
window.leave = (name) => peers[name].room.disconnect();
