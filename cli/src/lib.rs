//! medrec: the patient's and viewer's tool on a terminal
