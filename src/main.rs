//! `evenkeel crd` prints the CustomResourceDefinition.

fn main() {
    print!("{}", evenkeel::api::crd_yaml());
}
