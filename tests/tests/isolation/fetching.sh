# Fetches from the package source at $BASE with each tool, and says what came, or that there is no such tool.
tree=$PWD
cd "$HOME"
has() { command -v "$1" >/dev/null || { echo "no $1 here" && false; }; }

has curl && curl -sf "$BASE/page"

has git && git clone -q "$BASE/repository.git" && git -C repository log -1 --format=%s

has python3 && python3 -m venv environment &&
    environment/bin/pip install -q --disable-pip-version-check --index-url "$BASE/simple" --trusted-host 127.0.0.1 tiny &&
    environment/bin/python -m tiny

has npm && npm_config_registry=$BASE/npm npm install --silent --no-audit --no-fund tiny >/dev/null &&
    node node_modules/tiny

mkdir -p crate/src crate/.cargo && cd crate && : >src/lib.rs
printf '[package]\nname = "crate"\nversion = "1.0.0"\nedition = "2021"\n[dependencies]\ntiny = "1"\n' >Cargo.toml
printf '[source.crates-io]\nreplace-with = "here"\n[source.here]\nregistry = "sparse+%s/crates/"\n' "$BASE" >.cargo/config.toml
RUSTC=$tree/rustc CARGO_HOME=$PWD/home "$tree/cargo" -q vendor --respect-source-config >/dev/null &&
    cut -c4- vendor/tiny/src/lib.rs
cd ..

mkdir -p apt/lists/partial apt/archives/partial && cd apt && : >status
echo "deb [trusted=yes] $BASE/apt ./" >sources
options=(-qq -o Dir::State="$PWD" -o Dir::State::Lists="$PWD/lists" -o Dir::State::status="$PWD/status" -o Dir::Cache="$PWD"
    -o Dir::Etc::sourcelist="$PWD/sources" -o Dir::Etc::sourceparts=- -o APT::Sandbox::User= -o Debug::NoLocking=1)
has apt-get && apt-get "${options[@]}" update 2>/dev/null && apt-get "${options[@]}" download tiny &&
    dpkg-deb -f tiny_1.0_all.deb Description
