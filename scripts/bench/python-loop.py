"""The loop that people post to find damaged records: python-loop.py FOLDER"""
import glob
import json
import sys

damaged = 0
for path in glob.glob(sys.argv[1] + "/**/*.json", recursive=True):
    try:
        with open(path) as file:
            json.load(file)
    except ValueError:
        damaged += 1
        print(path)
