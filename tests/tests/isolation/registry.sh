# Makes a directory that, served over HTTP at $1, is a package source for each of the tools that fetch packages.
set -euo pipefail
base=$1
sum() { sha256sum "$1" | cut -d' ' -f1; }

echo 'fetched by curl' >page

git init -q work
(cd work && git -c user.name=t -c user.email=t@example.org commit -q --allow-empty -m 'fetched by git')
git clone -q --bare work repository.git
git -C repository.git update-server-info

mkdir -p simple/tiny
python3 - <<'PYTHON'
import zipfile
with zipfile.ZipFile("simple/tiny/tiny-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("tiny.py", "print('fetched by pip')\n")
    wheel.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    wheel.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr("tiny-1.0.dist-info/RECORD", "")
PYTHON
echo '<a href="tiny-1.0-py3-none-any.whl">tiny</a>' >simple/tiny/index.html

mkdir -p package npm
echo '{ "name": "tiny", "version": "1.0.0" }' >package/package.json
echo 'console.log("fetched by npm")' >package/index.js
tar -czf npm/tiny.tgz package
cat >npm/tiny <<JSON
{ "name": "tiny", "dist-tags": { "latest": "1.0.0" }, "versions": { "1.0.0": { "name": "tiny", "version": "1.0.0",
  "dist": { "tarball": "$base/npm/tiny.tgz", "shasum": "$(sha1sum npm/tiny.tgz | cut -d' ' -f1)" } } } }
JSON

mkdir -p crates/ti/ny tiny-1.0.0/src
printf '[package]\nname = "tiny"\nversion = "1.0.0"\nedition = "2021"\n' >tiny-1.0.0/Cargo.toml
echo '// fetched by cargo' >tiny-1.0.0/src/lib.rs
tar -czf crates/tiny.crate tiny-1.0.0
echo "{ \"dl\": \"$base/crates/{crate}.crate\" }" >crates/config.json
echo "{\"name\":\"tiny\",\"vers\":\"1.0.0\",\"deps\":[],\"cksum\":\"$(sum crates/tiny.crate)\",\"features\":{},\"yanked\":false}" \
    >crates/ti/ny/tiny

mkdir -p deb/DEBIAN apt
control='Package: tiny\nVersion: 1.0\nArchitecture: all\nMaintainer: t <t@example.org>\nDescription: fetched by apt\n'
printf "$control" >deb/DEBIAN/control
dpkg-deb --root-owner-group --build deb apt/tiny.deb >/dev/null
{
    printf "$control"
    printf 'Filename: ./tiny.deb\nSize: %s\nSHA256: %s\n' "$(stat -c %s apt/tiny.deb)" "$(sum apt/tiny.deb)"
} >apt/Packages
