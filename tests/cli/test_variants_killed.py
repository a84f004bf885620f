"""`genolift variants` is killed again and again, and goes on where it stopped."""

import random
import signal
import subprocess
import sys
import time

import pytest
from cli_files import fasta


@pytest.mark.slow
def test_killed_and_the_same_command_again(files, tmp_path):
    text = "".join(random.Random(3).choices("ACGT", k=600)) * 20
    genome = fasta(tmp_path / "genome.fa", {"chr1": text})
    changes = ((pos, text[pos - 1], "ACGT"["ACGT".index(text[pos - 1]) - 1]) for pos in range(50, 11_900))
    many = tmp_path / "v.vcf"
    many.write_text(
        "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        + "".join(f"chr1\t{pos}\t.\t{ref}\t{alt}\t.\t.\t.\n" for pos, ref, alt in changes)
    )
    command = [sys.executable, "-m", "genolift.cli", "variants", files.model, many, "--fasta", genome, "--target", "0"]
    subprocess.run([*command, "--out", tmp_path / "whole.tsv"], check=True, stderr=subprocess.DEVNULL)
    kills = 0
    while True:
        process = subprocess.Popen([*command, "--out", tmp_path / "v.tsv"], stderr=subprocess.DEVNULL)
        done = len(list((tmp_path / ".v.tsv.genolift-work").glob("0*.tsv")))
        deadline = time.monotonic() + 120
        while process.poll() is None and len(list((tmp_path / ".v.tsv.genolift-work").glob("0*.tsv"))) < done + 20:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    assert kills > 1
    assert process.returncode == 0
    assert (tmp_path / "v.tsv").read_bytes() == (tmp_path / "whole.tsv").read_bytes()
