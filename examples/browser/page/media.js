// SPDX-License-Identifier: LGPL-2.1-or-later
// What the page sends: camera and microphone, or a picture and a tone of its own.

/** A clock hand on a canvas, and a quiet tone. */
function testStream() {
  const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
  const context = canvas.getContext('2d');
  let turn = 0;
  const draw = () => {
    turn += Math.PI / 60;
    context.fillStyle = '#3b1f4f';
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.strokeStyle = context.fillStyle = '#f4d35e';
    context.lineWidth = 10;
    context.beginPath();
    context.arc(320, 180, 120, 0, 2 * Math.PI);
    context.moveTo(320, 180);
    context.lineTo(320 + 100 * Math.sin(turn), 180 - 100 * Math.cos(turn));
    context.stroke();
    context.font = '28px sans-serif';
    context.fillText(new Date().toLocaleTimeString(), 16, 40);
  };
  draw();
  const timer = setInterval(draw, 50);
  const audio = new AudioContext();
  const tone = new OscillatorNode(audio, { frequency: 440 });
  const out = new MediaStreamAudioDestinationNode(audio);
  tone.connect(new GainNode(audio, { gain: 0.1 })).connect(out);
  tone.start();
  const stream = new MediaStream([
    ...canvas.captureStream(20).getTracks(), ...out.stream.getTracks(),
  ]);
  return {
    stream,
    stop() {
      clearInterval(timer);
      audio.close();
      stream.getTracks().forEach((track) => track.stop());
    },
  };
}

/** {stream, stop, note}; `note` says what is other than asked for. */
export async function openSource(kind) {
  if (kind === 'test') return testStream();
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      video: { width: 640, height: 360, frameRate: 20 }, audio: true,
    });
    return { stream, stop: () => stream.getTracks().forEach((track) => track.stop()) };
  } catch (error) {
    const note = `No camera or microphone (${error.message}): the test picture is sent.`;
    return { ...testStream(), note };
  }
}
