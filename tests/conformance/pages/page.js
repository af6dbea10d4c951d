// A page with several participants: the unmodified livekit-client, told what to do by the test.
//
// Lives here: `join`, and what the test asks of a peer. Not here: what is expected of it (test_browser.py).
const { Room, RoomEvent, Track } = LivekitClient;
const peers = {};

// What an event's argument is, in a word that can leave the page.
const word = (x) => (x && typeof x === "object" ? (x.identity ?? x.trackSid ?? x.sid ?? "") : x);

window.join = async (name, url, token, options, connect) => {
  const room = new Room(options);
  const peer = (peers[name] = { room, told: [], videos: {} });
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

// Which layers of its camera a peer sends, smallest first.
window.layers = (name) => {
  const camera = peers[name].room.localParticipant.getTrackPublication(Track.Source.Camera);
  return camera.track.sender.getParameters().encodings.map((each) => each.active);
};

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
