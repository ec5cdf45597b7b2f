"""What suits a Spark that lives for minutes and sees few rows.

Java's quick compiler and simplest collector; no code generated for each query, and no plan made
again after each stage. Of a build on target `spark` it took a seventh off the processor's time.
`make test-spark` keeps Spark's own way to plan and to compile.
"""

# The quick compiler's own cache of 48 MB is full after some builds; then nothing more is compiled.
JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=256m"
PLANNING = {
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
