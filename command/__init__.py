"""For whoever runs `python cal.py`: its options, the experiment, processes, and the progress bar.
The top floor: only cal.py's last lines import it. To add an option, add it to options.py."""
