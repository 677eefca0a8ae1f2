"""For whoever runs `python cal.py`: its options, the experiment, processes, and the progress bar.
The top floor: nothing imports it but cal.py's last lines. Options are added in options.py."""
