#!/bin/sh
# Fetches what some tests need beyond .venv, into output/. What is there is not fetched again.
#
#   scripts/fetch.sh spark4     PySpark 4.1 with Delta and Azure storage. PYTHONPATH=output/spark4 lays it over .venv: only Spark differs.
#   scripts/fetch.sh spark34    PySpark 3.4 and matplotlib, which notebooks in the Sentinel data lake have; used in the same way
#   scripts/fetch.sh azurite    Microsoft's emulator of Azure Storage
#   scripts/fetch.sh azure_types  the types of Azure's resources, which come in the wheel of Pulumi's provider, and a reader of Bicep
#   scripts/fetch.sh audit      pip-audit, in an environment of its own
#
# Exit code 77: a tool or a registry is missing, and the tests that need it must be left out.
set -eu
cd "$(dirname "$0")/.."
part=$1
to=$PWD/output/$part

skip() { printf 'cannot fetch %s: %s\n' "$part" "$*" >&2; exit 77; }

wanted="$to $(cat "$0" requirements-spark4.txt requirements-spark34.txt | cksum)"
[ "$(cat "$to/fetched" 2>/dev/null || true)" != "$wanted" ] || exit 0
rm -rf "$to"
mkdir -p "$to"

# The Java that make java found, and what Spark may log.
conf=$(.venv/bin/python -I -c 'import importlib.util; print(importlib.util.find_spec("pyspark").submodule_search_locations[0])')/conf

# fetch_packages REQUIREMENTS: installs them into $to, with that Java.
fetch_packages() {
    .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check --use-pep517 --no-deps \
        --require-hashes --target "$to" --requirement "$1" || skip "pip could not install $1."
    ln -s "$conf" "$to/pyspark/conf"
}

fetch_spark34() {
    fetch_packages requirements-spark34.txt
}

fetch_spark4() {
    java_home=$(. "$conf/spark-env.sh" && echo "$JAVA_HOME")
    "$java_home/bin/java" --list-modules | grep -q '^jdk.incubator.vector' ||
        skip "the Java in $java_home is not a whole JDK, which Spark 4 needs. Install a JDK 17, then make java."
    command -v mvn >/dev/null || skip "no mvn (Maven), which brings Delta and hadoop-azure."
    fetch_packages requirements-spark4.txt
    # Delta for Spark 4.1; hadoop-azure in the version of Spark's own Hadoop, with the wildfly-openssl that it names.
    while read -r sum group name version; do
        mvn --quiet --batch-mode -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
            -Dartifact="$group:$name:$version" -DoutputDirectory="$to/pyspark/jars" </dev/null || skip "mvn could not bring $name."
        echo "$sum  $to/pyspark/jars/$name-$version.jar" | sha256sum --check --quiet
    done <<END
75a9400986853c061f5109f012547de2545a5759e5e752e5ef633dabe16a4f10 io.delta delta-spark_4.1_2.13 4.4.0
c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc io.delta delta-storage 4.4.0
f02ab756037abaecc45ea1869144ad3a69e25ccd84062bc37805837ca254e21c org.apache.hadoop hadoop-azure 3.4.2
95decbc5d088b40e85f58d7726b8c8f4e3be6312a0f2660c2d714a23cee80279 org.wildfly.openssl wildfly-openssl 2.1.4.Final
END
}

fetch_azurite() {
    command -v npm >/dev/null || skip "no npm (Node.js)."
    npm install --silent --no-audit --no-fund --no-save --prefix "$to" azurite@3.35.0 || skip "npm could not bring azurite."
}

# The wheel is read, not installed.
fetch_azure_types() {
    cat >"$to/requirements.txt" <<END
pycep-parser==0.7.1 --hash=sha256:829a0f60e32ec0b834a5f3b5b057fc6f20e754f70a85ff2747495bb4c77e83eb
lark==1.3.1 --hash=sha256:c629b661023a014c37da873b4ff58a817398d12635d3bbb2c5a03be7fe5d1e12
END
    fetch_wheels() { .venv/bin/python -m pip "$@" --quiet --no-input --disable-pip-version-check --no-deps --require-hashes; }
    fetch_wheels install --target "$to" --requirement "$to/requirements.txt" || skip "pip could not install pycep-parser."
    echo "pulumi-azure-native==3.29.0 --hash=sha256:b3d264de7659b3a31c6e1d3045a904b45a322fe0e004423fed55fc1baaa147ea" >"$to/requirements.txt"
    fetch_wheels download --dest "$to" --requirement "$to/requirements.txt" || skip "pip could not download pulumi-azure-native."
}

fetch_audit() {
    .venv/bin/python -m venv "$to"
    "$to/bin/python" -m pip install --quiet --no-input --disable-pip-version-check pip-audit==2.10.1 || skip "pip could not install pip-audit."
}

"fetch_$part"
echo "$wanted" > "$to/fetched"
