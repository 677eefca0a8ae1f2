"""What to cite, as BibTeX, at the end of a report."""

BIBTEX = """@inproceedings{zhang-plank-2021-cartography-active,
  title = {Cartography Active Learning},
  author = {Zhang, Mike and Plank, Barbara},
  booktitle = {Findings of the Association for Computational Linguistics: EMNLP 2021},
  year = {2021}, pages = {395--406},
  url = {https://aclanthology.org/2021.findings-emnlp.36/}}
@inproceedings{swayamdipta-etal-2020-dataset,
  title = {Dataset Cartography: Mapping and Diagnosing Datasets with Training Dynamics},
  author = {Swayamdipta, Swabha and Schwartz, Roy and Lourie, Nicholas and Wang, Yizhong and
            Hajishirzi, Hannaneh and Smith, Noah A. and Choi, Yejin},
  booktitle = {Proceedings of EMNLP 2020}, year = {2020},
  url = {https://aclanthology.org/2020.emnlp-main.746/}}
@misc{cartography-active-learning,
  title = {Cartography Active Learning, to read, run and fork},
  author = {{The maintainers}}, year = {2026},
  note = {A reimplementation of Cartography Active Learning}}"""


def citations(r):
    """BibTeX of the paper, of data maps and of this code."""
    return f"## What to cite\n\n```bibtex\n{BIBTEX}\n```"
