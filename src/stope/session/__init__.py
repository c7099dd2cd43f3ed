"""One run: build the parts, run the loop, record it, judge it. The only room that knows all the parts."""
