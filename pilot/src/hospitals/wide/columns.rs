//! What the wide result table has columns for.

use super::super::sample::{BLOOD_PRESSURE, Kind, Sample};

/// A pair of columns `NAME_VAL` and `NAME_UNIT`.
pub struct Measure {
    pub name: &'static str,
    pub loinc: &'static str,
    /// Digits behind the point that the form has boxes for.
    digits: usize,
}

const fn measure(name: &'static str, loinc: &'static str, digits: usize) -> Measure {
    Measure { name, loinc, digits }
}

/// In the order in which columns were added over the years.
pub const MEASURES: [Measure; 54] = [
    measure("HT", "8302-2", 0),
    measure("WT", "29463-7", 0),
    measure("BMI", "39156-5", 0),
    measure("PULSE", "8867-4", 0),
    measure("RESP", "9279-1", 0),
    measure("TEMP", "8310-5", 1),
    measure("PAIN", "72514-3", 0),
    measure("HGB", "718-7", 1),
    measure("HCT", "4544-3", 0),
    measure("WBC", "6690-2", 1),
    measure("RBC", "789-8", 1),
    measure("PLT", "777-3", 0),
    measure("MCV", "787-2", 0),
    measure("MCH", "785-6", 0),
    measure("MCHC", "786-4", 0),
    measure("RDW", "21000-5", 0),
    measure("PDW", "32207-3", 0),
    measure("MPV", "32623-1", 0),
    measure("GLU", "2345-7", 0),
    measure("BUN", "3094-0", 0),
    measure("CREA", "2160-0", 1),
    measure("CA", "17861-6", 1),
    measure("NA", "2951-2", 0),
    measure("K", "2823-3", 1),
    measure("CL", "2075-0", 0),
    measure("CO2", "2028-9", 0),
    measure("GLU_B", "2339-0", 0),
    measure("BUN_B", "6299-2", 0),
    measure("CREA_B", "38483-4", 1),
    measure("CA_B", "49765-1", 1),
    measure("NA_B", "2947-0", 0),
    measure("K_B", "6298-4", 1),
    measure("CL_B", "2069-3", 0),
    measure("CO2_B", "20565-8", 0),
    measure("GFR", "33914-3", 0),
    measure("A1C", "4548-4", 1),
    measure("CHOL", "2093-3", 0),
    measure("HDL", "2085-9", 0),
    measure("LDL", "18262-6", 0),
    measure("TRIG", "2571-8", 0),
    measure("ALT", "1742-6", 0),
    measure("AST", "1920-8", 0),
    measure("ALP", "6768-6", 0),
    measure("BILI", "1975-2", 1),
    measure("ALB", "1751-7", 1),
    measure("TP", "2885-2", 1),
    measure("GLOB", "10834-0", 1),
    measure("MALB", "14959-1", 1),
    measure("U_GLU", "5792-7", 0),
    measure("U_PH", "5803-2", 1),
    measure("U_PROT", "5804-0", 0),
    measure("U_SG", "5811-5", 1),
    measure("U_BIL", "20505-4", 1),
    measure("U_KET", "5797-6", 0),
];

/// Columns of the two pressures, without a unit: it was always the same.
pub const PRESSURES: [&str; 2] = ["BP_SYS", "BP_DIA"];

/// Whether an observation of the sample has a column here: numbers that were ever printed on the form.
pub fn has_column(sample: &Sample, row: usize) -> bool {
    let code = sample.at(Kind::Observation, row, "CODE");
    let known = BLOOD_PRESSURE.contains(&code) || MEASURES.iter().any(|measure| measure.loinc == code);
    known && sample.at(Kind::Observation, row, "TYPE") == "numeric"
}

/// A number with the digits that its column has.
pub fn rounded(code: &str, text: &str) -> String {
    let digits = MEASURES.iter().find(|measure| measure.loinc == code).map_or(0, |measure| measure.digits);
    text.parse::<f64>().map_or_else(|_| text.to_owned(), |number| format!("{number:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_the_digits_of_their_column() {
        for (code, text, here) in
            [("718-7", "13.44", "13.4"), ("2345-7", "76.4", "76"), ("8480-6", "121.6", "122")]
        {
            assert_eq!(rounded(code, text), here);
        }
    }
}
